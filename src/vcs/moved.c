/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/moved.h"

#include <stdlib.h>

#include "base/check.h"
#include "crypto/secretfile.h"
#include "gomod/repourl.h"
#include "loop/share.h"
#include "vcs/smarthttp.h"

#define URL_MAX  (32u << 10)
#define HELD_MAX 4096

struct moved {
	const struct gopage_options *options;
	struct share *share; /* URL LF pins LF digits of a hash */
};

struct moved *moved_new(const struct gopage_options *options, uint32_t found_ms)
{
	struct moved *m = check_calloc(1, sizeof *m);
	m->options = options;
	m->share = share_new(&(struct share_options){ .keep_ms = found_ms, .max = HELD_MAX });
	return m;
}

void moved_free(struct moved **mp)
{
	struct moved *m = *mp;
	if (m == NULL) return;
	share_free(&m->share);
	free(m);
	*mp = NULL;
}

/* What came of a request: where it landed, who answered there, and what. */
struct landing {
	struct mg_buf url, words; /* of a body of 200, as many as the buffer takes */
	char peer[UPSTREAM_PEER_SIZE];
	int status;
	bool came, complete; /* some of the body; all of it */
};

#define LANDING(words_max)                                                                         \
	{                                                                                          \
		.url = BUF_MAX(URL_MAX), .words = BUF_MAX(words_max)                               \
	}

/* What is longer than a greeting is none, and its first bytes are its end: git will ask again. */
static enum mg_code take(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct landing *l = arg;
	l->came = true;
	return buf_append(&l->words, bytes) ? MG_OK
					    : err_set(err, MG_CANCELED, MG_CAUSE_NONE, "enough");
}

static enum mg_code restart(void *arg, struct mg_err *err)
{
	struct landing *l = arg;
	buf_clear(&l->words);
	return MG_OK;
}

static void landing_deinit(struct landing *l)
{
	buf_deinit(&l->url);
	buf_deinit(&l->words);
}

static void put_pins(const struct repourl *url, const char *peer, struct mg_buf *out)
{
	if (peer[0] == '\0') return;
	const bool v6 = strchr(peer, ':') != NULL;
	if (span_index(url->host, ':') >= 0) return; /* it is an address itself */
	buf_printf(out, "%.*s:%u:%s%s%s", SPAN_ARG(url->host), repourl_port(url), v6 ? "[" : "",
		   peer, v6 ? "]" : "");
}

struct question {
	const struct gopage_options *o;
	struct mg_span from;
	enum reach reach;
	bool insecure;
	const struct cancel *cancel;
};

static enum mg_code get(const struct question *q, struct mg_span url, const char *field,
			struct landing *out, struct mg_err *err)
{
	struct upstream_answer answer = { .text = BUF_MAX(1) };
	const struct upstream_request rq = {
		.url = url,
		.reach = q->reach,
		.insecure = q->insecure,
		.landed = &out->url,
		.peer = out->peer,
		.max_bytes = UINT64_MAX,
		.sink = { .write = take, .restart = restart, .arg = out },
		.fields = { field },
		.cancel = q->cancel,
	};
	enum mg_code rc = upstream_get(q->o->upstream, &rq, &answer, err);
	out->complete = rc == MG_OK;
	out->status = out->came ? 200 : answer.status;
	buf_deinit(&answer.text);
	return out->came ? MG_OK : rc;
}

/* Some hosts want a login for what they don't have too, but show strangers a page only of what there is: so the go
 * command asks the URL itself. Where we are no strangers a login is missing, and that is no absence. */
static enum mg_code look_at_page(const struct question *q, struct mg_err *err)
{
	struct landing page = LANDING(1);
	const enum mg_code rc = get(q, q->from, NULL, &page, err);
	landing_deinit(&page);
	if (rc != MG_OK || (page.status != 404 && page.status != 410)) return rc;
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
		       "git repository %.*s: there is no such repository, or none for strangers",
		       SPAN_ARG(q->from));
}

/* Where the repository is, by where the question for its refs has landed. */
static enum mg_code judge(const struct question *q, const struct landing *l, struct mg_buf *out,
			  struct mg_err *err)
{
	struct mg_span url = buf_span(&l->url);
	struct repourl where;
	const bool is_refs = span_has_suffix(url, SPAN(SMARTHTTP_REFS));
	if (is_refs) url.n -= sizeof SMARTHTTP_REFS - 1;
	if (!is_refs || repourl_parse(url, &where, NULL) != MG_OK)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM,
			       "git repository %.*s: it redirects to what is no address of a "
			       "repository",
			       SPAN_ARG(q->from));
	buf_append(out, url);
	buf_append_char(out, '\n');
	put_pins(&where, l->peer, out);
	buf_printf(out, "\n%zu", l->complete ? protocol2_greeting(buf_span(&l->words)) : 0);
	if (l->status == 401 && q->reach == REACH_PUBLIC) return look_at_page(q, err);
	return MG_OK;
}

static enum mg_code ask(void *arg, struct mg_buf *out, struct mg_err *err)
{
	const struct question *q = arg;
	struct mg_buf asked = BUF_MAX(URL_MAX);
	struct landing l = LANDING(SMARTHTTP_GREETING_MAX);
	enum mg_code rc = gopage_put_login(q->o, q->from, q->cancel, &asked, err);
	while (asked.n > 0 && asked.p[asked.n - 1] == '/')
		asked.n--;
	buf_append_str(&asked, SMARTHTTP_REFS);
	if (rc == MG_OK && buf_failed(&asked))
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "the repository's URL is too long");
	if (rc == MG_OK) rc = get(q, buf_span(&asked), SMARTHTTP_FIELD, &l, err);
	if (rc == MG_OK) rc = judge(q, &l, out, err);
	secretfile_forget(&asked);
	landing_deinit(&l);
	return rc;
}

enum mg_code moved_find(struct moved *m, struct mg_span from, enum reach reach, bool insecure,
			const struct cancel *cancel, struct arena *a, struct vcs_place *out,
			struct mg_err *err)
{
	/* Another reach, or another trust, is another answer. */
	const struct mg_span key =
		span_of(arena_printf(a, "%d%d%.*s", (int)reach, (int)insecure, SPAN_ARG(from)));
	struct question q = { .o = m->options,
			      .from = from,
			      .reach = reach,
			      .insecure = insecure,
			      .cancel = cancel };
	struct mg_buf answer = BUF_MAX(2 * URL_MAX);
	const enum mg_code rc = share_get(m->share, key, cancel, ask, &q, &answer, err);
	if (rc == MG_OK) {
		struct mg_span rest = buf_span(&answer);
		out->at = arena_dup(a, span_cut(&rest, '\n'));
		out->pins = arena_dup(a, span_cut(&rest, '\n'));
		out->hash_n = span_eq(rest, SPAN("64")) ? 64 : span_eq(rest, SPAN("40")) ? 40 : 0;
	}
	buf_deinit(&answer);
	return rc;
}
