/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/pagecache.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

#define WAIT_SLICE_MS 100 /* how late a cancel may be noticed */

struct page {
	struct map_node node;
	struct list order; /* oldest first */
	bool fetching;
	uint64_t until_ms;
	struct arena arena;
	struct goimport_page tags;
	enum mg_code code;
	struct mg_err err;
	char path[]; /* node's */
};

struct pagecache {
	struct pagecache_options options;
	pthread_mutex_t mutex;
	pthread_cond_t fetched;
	struct map pages;
	struct list order;
	unsigned waiting; /* pages with waiters are not let go */
};

struct pagecache *pagecache_new(const struct pagecache_options *options)
{
	struct pagecache *c = check_calloc(1, sizeof *c);
	pthread_condattr_t attr;
	c->options = *options;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->fetched, &attr);
	pthread_condattr_destroy(&attr);
	list_init(&c->order);
	return c;
}

static void let_go(struct pagecache *c, struct page *p)
{
	map_remove(&c->pages, &p->node);
	list_remove(&p->order);
	arena_deinit(&p->arena);
	free(p);
}

void pagecache_forget(struct pagecache *c)
{
	pthread_mutex_lock(&c->mutex);
	LIST_EACH(it, &c->order)
	{
		LIST_OWNER(it, struct page, order)->until_ms = 0;
	}
	pthread_mutex_unlock(&c->mutex);
}

void pagecache_free(struct pagecache **cp)
{
	struct pagecache *c = *cp;
	if (c == NULL) return;
	LIST_EACH_SAFE(it, &c->order)
	{
		let_go(c, LIST_OWNER(it, struct page, order));
	}
	map_deinit(&c->pages);
	pthread_cond_destroy(&c->fetched);
	pthread_mutex_destroy(&c->mutex);
	free(c);
	*cp = NULL;
}

/* Room for one more: the oldest go, but for those that somebody is busy with. */
static void make_room(struct pagecache *c)
{
	if (c->waiting > 0) return;
	LIST_EACH_SAFE(it, &c->order)
	{
		struct page *p = LIST_OWNER(it, struct page, order);
		if (c->pages.count < c->options.pages_max) return;
		if (!p->fetching) let_go(c, p);
	}
}

static struct page *page_for(struct pagecache *c, struct mg_span path)
{
	struct map_node *node = map_get(&c->pages, path);
	if (node != NULL) return LIST_OWNER(node, struct page, node);
	make_room(c);
	struct page *p = check_calloc(1, sizeof *p + path.n);
	memcpy(p->path, path.p, path.n);
	p->node.key = span_make(p->path, path.n);
	list_init(&p->order);
	map_put(&c->pages, &p->node);
	list_append(&c->order, &p->order);
	return p;
}

static void wait_a_little(struct pagecache *c)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += WAIT_SLICE_MS * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000L;
	ts.tv_nsec %= 1000000000L;
	c->waiting++;
	pthread_cond_timedwait(&c->fetched, &c->mutex, &ts);
	c->waiting--;
}

/* Called and returning with the mutex; it is free meanwhile. */
static void fetch(struct pagecache *c, struct page *p, const struct cancel *cancel)
{
	struct arena arena = ARENA_INIT;
	struct goimport_page tags;
	struct mg_err err = { 0 };
	p->fetching = true;
	pthread_mutex_unlock(&c->mutex);
	enum mg_code rc =
		c->options.fetch(c->options.arg, p->node.key, cancel, &arena, &tags, &err);
	const uint32_t kept_ms = rc == MG_OK && tags.n > 0 ? c->options.found_ms
				 : rc == MG_OK || rc == MG_NOT_FOUND || rc == MG_INVALID
					 ? c->options.absent_ms
					 : 0;
	pthread_mutex_lock(&c->mutex);
	arena_deinit(&p->arena);
	p->arena = arena;
	p->tags = tags;
	p->code = rc;
	p->err = err;
	p->until_ms = kept_ms > 0 ? clock_mono_ms() + kept_ms : 0;
	p->fetching = false;
	pthread_cond_broadcast(&c->fetched);
}

static enum mg_code match(const struct page *p, struct mg_span path, struct arena *a,
			  struct goimport_tag *out, struct mg_err *err)
{
	struct goimport_tag tag;
	if (p->code != MG_OK) {
		if (err != NULL) *err = p->err;
		return p->code;
	}
	enum mg_code rc = goimport_match(&p->tags, path, &tag, err);
	if (rc == MG_OK)
		*out = (struct goimport_tag){ .prefix = arena_dup(a, tag.prefix),
					      .vcs = arena_dup(a, tag.vcs),
					      .url = arena_dup(a, tag.url),
					      .subdir = arena_dup(a, tag.subdir) };
	return rc;
}

enum mg_code pagecache_match(struct pagecache *c, struct mg_span at, struct mg_span path,
			     const struct cancel *cancel, struct arena *a, struct goimport_tag *out,
			     struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	bool waited = false;
	pthread_mutex_lock(&c->mutex);
	for (;;) {
		struct page *p = page_for(c, at);
		/* Who has waited takes what came, but for the end of somebody else's patience. */
		const bool good = p->until_ms > clock_mono_ms() ||
				  (waited && p->code != MG_OK && p->code != MG_CANCELED);
		if (!p->fetching && good) {
			rc = match(p, path, a, out, err);
			break;
		}
		if (cancel_is_set(cancel)) {
			rc = err_set(err, MG_CANCELED, MG_CAUSE_NONE, "nobody waits any more");
			break;
		}
		if (p->fetching) {
			wait_a_little(c);
			waited = true;
			continue;
		}
		fetch(c, p, cancel);
		rc = match(p, path, a, out, err);
		break;
	}
	pthread_mutex_unlock(&c->mutex);
	return rc;
}
