/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/commitcache.h"

#include <stdlib.h>

#include "base/check.h"

/* One fact: its key is the commit, a NUL, what it is about. */
struct fact {
	struct map_node node;
	int64_t time_s;
	bool absent;
	size_t key_n, value_n;
	char bytes[]; /* the key, the value */
};

/* What facts are about that are no files: no path begins so. */
static const struct mg_span about_time = { "/time", 5 };
static const struct mg_span about_modules = { "/modules", 8 };

void commitcache_init(struct commitcache *c)
{
	*c = (struct commitcache){ .entries = MAP_INIT };
	pthread_mutex_init(&c->mutex, NULL);
}

static void free_fact(struct map_node *node, void *arg)
{
	map_remove(arg, node);
	free((char *)node - offsetof(struct fact, node));
}

static void clear_locked(struct commitcache *c)
{
	map_each(&c->entries, free_fact, &c->entries);
	c->bytes = 0;
}

void commitcache_clear(struct commitcache *c)
{
	pthread_mutex_lock(&c->mutex);
	clear_locked(c);
	pthread_mutex_unlock(&c->mutex);
}

void commitcache_deinit(struct commitcache *c)
{
	clear_locked(c);
	map_deinit(&c->entries);
	pthread_mutex_destroy(&c->mutex);
}

static struct mg_span key_of(struct mg_buf *key, struct mg_span commit, struct mg_span about)
{
	*key = BUF_MAX(128 + about.n);
	buf_append(key, span_first(commit, 64));
	buf_append_char(key, '\0');
	buf_append(key, about);
	return buf_span(key);
}

/* The mutex is held. */
static struct fact *find(struct commitcache *c, struct mg_span commit, struct mg_span about)
{
	struct mg_buf key;
	struct map_node *node = map_get(&c->entries, key_of(&key, commit, about));

	buf_deinit(&key);
	return node == NULL ? NULL
			    : (struct fact *)(void *)((char *)node - offsetof(struct fact, node));
}

static void put(struct commitcache *c, struct mg_span commit, struct mg_span about,
		struct mg_span value, int64_t time_s, bool absent)
{
	struct mg_buf text;
	struct mg_span key = key_of(&text, commit, about);
	size_t n = sizeof(struct fact) + key.n + value.n;

	pthread_mutex_lock(&c->mutex);
	if (find(c, commit, about) == NULL && n <= COMMITCACHE_MAX) {
		if (c->bytes + n > COMMITCACHE_MAX) clear_locked(c);
		struct fact *f = check_calloc(1, n);
		f->time_s = time_s;
		f->absent = absent;
		f->key_n = key.n;
		f->value_n = value.n;
		memcpy(f->bytes, key.p, key.n);
		if (value.n > 0) memcpy(f->bytes + key.n, value.p, value.n);
		f->node.key = span_make(f->bytes, key.n);
		map_put(&c->entries, &f->node);
		c->bytes += n;
	}
	pthread_mutex_unlock(&c->mutex);
	buf_deinit(&text);
}

bool commitcache_time(struct commitcache *c, struct mg_span commit, int64_t *time_s)
{
	pthread_mutex_lock(&c->mutex);
	struct fact *f = find(c, commit, about_time);
	if (f != NULL) *time_s = f->time_s;
	pthread_mutex_unlock(&c->mutex);
	return f != NULL;
}

void commitcache_put_time(struct commitcache *c, struct mg_span commit, int64_t time_s)
{
	put(c, commit, about_time, SPAN(""), time_s, false);
}

static bool lists(const struct fact *f, struct mg_span path)
{
	struct mg_span rest = span_make(f->bytes + f->key_n, f->value_n);

	while (rest.n > 0)
		if (span_eq(span_cut(&rest, '\0'), path)) return true;
	return false;
}

static bool is_gomod(struct mg_span path)
{
	return span_eq(path, SPAN("go.mod")) || span_has_suffix(path, SPAN("/go.mod"));
}

enum commitcache_answer commitcache_file(struct commitcache *c, struct mg_span commit,
					 struct mg_span path, struct mg_buf *out)
{
	enum commitcache_answer answer = COMMITCACHE_UNKNOWN;

	pthread_mutex_lock(&c->mutex);
	struct fact *f = find(c, commit, path);
	if (f != NULL) {
		answer = f->absent ? COMMITCACHE_ABSENT : COMMITCACHE_THERE;
		if (!f->absent && out != NULL)
			buf_append(out, span_make(f->bytes + f->key_n, f->value_n));
	} else if (is_gomod(path) && (f = find(c, commit, about_modules)) != NULL &&
		   !lists(f, path)) {
		answer = COMMITCACHE_ABSENT;
	}
	pthread_mutex_unlock(&c->mutex);
	return answer;
}

void commitcache_put_file(struct commitcache *c, struct mg_span commit, struct mg_span path,
			  struct mg_span bytes)
{
	if (bytes.n <= COMMITCACHE_FILE_MAX) put(c, commit, path, bytes, 0, false);
}

void commitcache_put_absent(struct commitcache *c, struct mg_span commit, struct mg_span path)
{
	put(c, commit, path, SPAN(""), 0, true);
}

void commitcache_put_modules(struct commitcache *c, struct mg_span commit, struct mg_span paths)
{
	put(c, commit, about_modules, paths, 0, false);
}

bool commitcache_has_modules(struct commitcache *c, struct mg_span commit)
{
	pthread_mutex_lock(&c->mutex);
	bool has = find(c, commit, about_modules) != NULL;
	pthread_mutex_unlock(&c->mutex);
	return has;
}
