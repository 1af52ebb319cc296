/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/moved.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "gomod/repourl.h"
#include "vcs/secretfile.h"

#define URL_MAX  (32u << 10)
#define HELD_MAX 4096 /* answers; over that all are forgotten */
#define REFS     "/info/refs?service=git-upload-pack"

struct held {
	struct map_node node;
	struct arena strings;
	struct mg_span url, pins;
	uint64_t until_ms;
};

struct moved {
	const struct gopage_options *options;
	uint32_t found_ms;
	pthread_mutex_t mutex;
	struct map held;
};

struct moved *moved_new(const struct gopage_options *options, uint32_t found_ms)
{
	struct moved *m = check_calloc(1, sizeof *m);
	m->options = options;
	m->found_ms = found_ms;
	pthread_mutex_init(&m->mutex, NULL);
	return m;
}

static void let_go(struct map_node *node, void *arg)
{
	struct held *h = LIST_OWNER(node, struct held, node);
	map_remove(arg, node);
	arena_deinit(&h->strings);
	free(h);
}

void moved_free(struct moved **mp)
{
	struct moved *m = *mp;
	if (m == NULL) return;
	map_each(&m->held, let_go, &m->held);
	map_deinit(&m->held);
	pthread_mutex_destroy(&m->mutex);
	free(m);
	*mp = NULL;
}

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

static enum mg_code ask(const struct gopage_options *o, struct mg_span from, enum reach reach,
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

static bool recall(struct moved *m, struct mg_span key, struct arena *a, struct mg_span *url,
		   struct mg_span *pins)
{
	pthread_mutex_lock(&m->mutex);
	struct map_node *node = map_get(&m->held, key);
	struct held *h = node != NULL ? LIST_OWNER(node, struct held, node) : NULL;
	const bool fresh = h != NULL && clock_mono_ms() < h->until_ms;
	if (fresh) {
		*url = arena_dup(a, h->url);
		*pins = arena_dup(a, h->pins);
	} else if (h != NULL) {
		let_go(node, &m->held);
	}
	pthread_mutex_unlock(&m->mutex);
	return fresh;
}

static void remember(struct moved *m, struct mg_span key, struct mg_span url, struct mg_span pins)
{
	pthread_mutex_lock(&m->mutex);
	if (map_get(&m->held, key) == NULL) {
		if (m->held.count >= HELD_MAX) map_each(&m->held, let_go, &m->held);
		struct held *h = check_calloc(1, sizeof *h);
		h->url = arena_dup(&h->strings, url);
		h->pins = arena_dup(&h->strings, pins);
		h->until_ms = clock_mono_ms() + m->found_ms;
		h->node.key = arena_dup(&h->strings, key);
		map_put(&m->held, &h->node);
	}
	pthread_mutex_unlock(&m->mutex);
}

enum mg_code moved_find(struct moved *m, struct mg_span from, enum reach reach, bool insecure,
			const struct cancel *cancel, struct arena *a, struct mg_span *url,
			struct mg_span *pins, struct mg_err *err)
{
	/* Another reach, or another trust, is another answer. */
	const struct mg_span key =
		span_of(arena_printf(a, "%d%d%.*s", (int)reach, (int)insecure, SPAN_ARG(from)));
	if (recall(m, key, a, url, pins)) return MG_OK;
	enum mg_code rc = ask(m->options, from, reach, insecure, cancel, a, url, pins, err);
	if (rc == MG_OK) remember(m, key, *url, *pins);
	return rc;
}
