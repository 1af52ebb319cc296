/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/moved.h"

#include "gomod/repourl.h"
#include "vcs/secretfile.h"

#define URL_MAX (32u << 10)
#define REFS    "/info/refs?service=git-upload-pack"

/* The first bytes of the answer are its end: git will ask again. */
static enum mg_code enough(void *arg, struct mg_span bytes, struct mg_err *err)
{
	*(bool *)arg = true;
	return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "enough");
}

static enum mg_code restart(void *arg, struct mg_err *err)
{
	return MG_OK;
}

/* URL without what was asked of it, when that is what it still ends in. */
static bool base_of(struct mg_span landed, struct mg_span *out)
{
	if (!span_has_suffix(landed, SPAN(REFS))) return false;
	*out = span_first(landed, landed.n - sizeof REFS + 1);
	return true;
}

static struct mg_span pins_of(struct mg_span text, const char *peer, struct arena *a)
{
	struct repourl url;
	if (peer[0] == '\0' || repourl_parse(text, &url, NULL) != MG_OK) return SPAN("");
	const bool v6 = strchr(peer, ':') != NULL;
	if (span_index(url.host, ':') >= 0) return SPAN(""); /* it is an address itself */
	return span_of(arena_printf(a, "%.*s:%u:%s%s%s", SPAN_ARG(url.host), repourl_port(&url),
				    v6 ? "[" : "", peer, v6 ? "]" : ""));
}

enum mg_code moved_find(const struct gopage_options *o, struct mg_span from, enum reach reach,
			bool insecure, const struct cancel *cancel, struct arena *a,
			struct mg_span *url, struct mg_span *pins, struct mg_err *err)
{
	struct mg_buf asked = BUF_MAX(URL_MAX), landed = BUF_MAX(URL_MAX);
	struct upstream_answer answer = { .text = BUF_MAX(1) };
	char peer[UPSTREAM_PEER_SIZE] = "";
	bool came = false;
	enum mg_code rc = gopage_put_login(o, from, cancel, &asked, err);
	while (asked.n > 0 && asked.p[asked.n - 1] == '/')
		asked.n--;
	buf_append_str(&asked, REFS);
	if (rc == MG_OK && buf_failed(&asked))
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "the repository's URL is too long");
	if (rc == MG_OK) {
		const struct upstream_request rq = {
			.url = buf_span(&asked),
			.reach = reach,
			.insecure = insecure,
			.landed = &landed,
			.peer = peer,
			.max_bytes = UINT64_MAX,
			.sink = { .write = enough, .restart = restart, .arg = &came },
			.cancel = cancel,
		};
		rc = upstream_get(o->upstream, &rq, &answer, err);
		if (came) rc = MG_OK;
	}
	struct mg_span base;
	*url = from;
	if (rc == MG_OK && (came || answer.status == 200) && base_of(buf_span(&landed), &base))
		*url = arena_dup(a, base);
	/* Who answered at the end of a way that leads elsewhere says nothing about the first one's address. */
	*pins = rc == MG_OK && base_of(buf_span(&landed), &base) ? pins_of(*url, peer, a)
								 : SPAN("");
	secretfile_forget(&asked);
	buf_deinit(&landed);
	buf_deinit(&answer.text);
	return rc;
}
