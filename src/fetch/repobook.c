/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/repobook.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"

#define NAME_MAX_BYTES 16384

struct entry {
	struct map_node by_target; /* its key: KIND PATH "@" VERSION */
	struct list node;          /* the oldest first */
	enum target_kind kind;
	struct mg_span path, version, repository;
	char bytes[];
};

struct repobook {
	pthread_mutex_t mutex;
	struct map by_target;
	struct list entries;
};

struct repobook *repobook_new(void)
{
	struct repobook *b = check_calloc(1, sizeof *b);
	pthread_mutex_init(&b->mutex, NULL);
	list_init(&b->entries);
	return b;
}

static void entry_free(struct repobook *b, struct entry *e)
{
	map_remove(&b->by_target, &e->by_target);
	list_remove(&e->node);
	free(e);
}

void repobook_free(struct repobook **bp)
{
	struct repobook *b = *bp;
	*bp = NULL;
	if (b == NULL) return;
	while (!list_empty(&b->entries))
		entry_free(b, LIST_OWNER(b->entries.next, struct entry, node));
	map_deinit(&b->by_target);
	pthread_mutex_destroy(&b->mutex);
	free(b);
}

/* --- names --- */

static void put_lower(struct mg_buf *out, struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_append_char(out,
				s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i]);
}

/* [ userinfo "@" ] host [ ":" port ] (RFC 3986 §3.2) */
static struct mg_span host_of(struct mg_span authority)
{
	const ptrdiff_t at = span_last_index(authority, '@');
	struct mg_span rest = span_from(authority, (size_t)(at + 1));
	const ptrdiff_t bracket = span_index(rest, ']');
	if (bracket >= 0) return span_first(rest, (size_t)bracket + 1);
	return span_cut(&rest, ':');
}

void repobook_name(struct mg_span url, struct mg_buf *out)
{
	const ptrdiff_t scheme = span_find(url, SPAN("://"));
	struct mg_span path = scheme >= 0 ? span_from(url, (size_t)scheme + 3) : url;
	struct mg_span authority;
	const ptrdiff_t slash = span_index(path, '/'), colon = span_index(path, ':');
	/* "git@host:path", as ssh and git have it. */
	if (scheme < 0 && colon > 0 && (slash < 0 || colon < slash))
		authority = span_cut(&path, ':');
	else
		authority = span_cut(&path, '/');
	const struct mg_span host = host_of(authority);
	while (path.n > 0 && path.p[0] == '/')
		path = span_from(path, 1);
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	if (span_has_suffix(path, SPAN(".git"))) path.n -= strlen(".git");
	if (host.n == 0 || path.n == 0) return;
	put_lower(out, host);
	buf_append_char(out, '/');
	buf_append(out, path);
}

/* --- entries --- */

static void put_key(struct mg_buf *out, const struct target *t)
{
	buf_append_char(out, (char)('0' + t->kind));
	buf_append(out, t->path);
	buf_append_char(out, '@');
	buf_append(out, t->version);
}

static struct mg_span keep(char **to, struct mg_span s)
{
	const struct mg_span kept = span_make(*to, s.n);
	if (s.n > 0) memcpy(*to, s.p, s.n);
	*to += s.n;
	return kept;
}

void repobook_note(struct repobook *b, struct mg_span url, const struct target *t)
{
	MG_ASSERT(target_is_mutable(t->kind));
	struct mg_buf name = BUF_MAX(NAME_MAX_BYTES), key = BUF_MAX(NAME_MAX_BYTES);
	repobook_name(url, &name);
	put_key(&key, t);
	if (name.n == 0 || buf_failed(&name) || buf_failed(&key)) goto out;
	struct entry *e = check_malloc(sizeof *e + name.n + key.n + t->path.n + t->version.n);
	char *to = e->bytes;
	e->kind = t->kind;
	e->by_target.key = keep(&to, buf_span(&key));
	e->repository = keep(&to, buf_span(&name));
	e->path = keep(&to, t->path);
	e->version = keep(&to, t->version);
	pthread_mutex_lock(&b->mutex);
	struct map_node *before = map_get(&b->by_target, e->by_target.key);
	if (before != NULL) entry_free(b, LIST_OWNER(before, struct entry, by_target));
	if (b->by_target.count >= REPOBOOK_MAX)
		entry_free(b, LIST_OWNER(b->entries.next, struct entry, node));
	map_put(&b->by_target, &e->by_target);
	list_append(&b->entries, &e->node);
	pthread_mutex_unlock(&b->mutex);
out:
	buf_deinit(&name);
	buf_deinit(&key);
}

static bool is_of_repository(const struct entry *e, struct mg_span name)
{
	return span_eq(e->repository, name);
}

static bool is_query_of(const struct entry *e, struct mg_span path)
{
	return e->kind == TARGET_QUERY && span_eq(e->path, path);
}

static size_t collect(struct repobook *b,
		      bool (*wanted)(const struct entry *e, struct mg_span what),
		      struct mg_span what, struct arena *a, struct target **out)
{
	size_t n = 0, found = 0;
	struct mg_err err;
	*out = NULL;
	pthread_mutex_lock(&b->mutex);
	LIST_EACH(it, &b->entries)
	{
		n += wanted(LIST_OWNER(it, struct entry, node), what);
	}
	if (n > 0) *out = arena_alloc(a, n * sizeof **out);
	LIST_EACH(it, &b->entries)
	{
		const struct entry *e = LIST_OWNER(it, struct entry, node);
		/* Made anew: their spans are the arena's. */
		if (wanted(e, what) &&
		    target_make(e->kind, arena_dup(a, e->path), arena_dup(a, e->version), a,
				&(*out)[found], &err) == MG_OK)
			found++;
	}
	pthread_mutex_unlock(&b->mutex);
	return found;
}

size_t repobook_of_repository(struct repobook *b, struct mg_span url, struct arena *a,
			      struct target **out)
{
	struct mg_buf name = BUF_MAX(NAME_MAX_BYTES);
	repobook_name(url, &name);
	*out = NULL;
	const size_t n = name.n > 0 ? collect(b, is_of_repository, buf_span(&name), a, out) : 0;
	buf_deinit(&name);
	return n;
}

size_t repobook_queries(struct repobook *b, struct mg_span path, struct arena *a,
			struct target **out)
{
	return collect(b, is_query_of, path, a, out);
}
