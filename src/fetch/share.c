/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/share.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

#define KEPT_MAX 512 /* answers; each is a tile or a lookup */

struct shared {
	struct map_node by_key;
	struct list node; /* in kept, oldest first */
	unsigned users;
	bool done;      /* the rest is set */
	bool forgotten; /* not in the map: goes when its last user does */
	uint64_t until_ms;
	enum mg_code code;
	struct mg_err err;
	struct mg_buf answer;
	char key[];
};

struct share {
	pthread_mutex_t mutex;
	pthread_cond_t finished;
	struct map by_key;
	struct list kept;
	size_t kept_count;
	uint32_t keep_ms;
};

struct share *share_new(uint32_t keep_ms)
{
	struct share *s = check_calloc(1, sizeof *s);
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->finished, NULL);
	list_init(&s->kept);
	s->keep_ms = keep_ms;
	return s;
}

static void drop(struct shared *e)
{
	MG_ASSERT(e->users == 0);
	buf_deinit(&e->answer);
	free(e);
}

/* Out of the map: whoever asks next asks anew. */
static void forget(struct share *s, struct shared *e)
{
	if (e->forgotten) return;
	e->forgotten = true;
	map_remove(&s->by_key, &e->by_key);
	if (!list_empty(&e->node)) s->kept_count--;
	list_remove(&e->node);
	if (e->users == 0) drop(e);
}

void share_free(struct share **sp)
{
	struct share *s = *sp;
	if (s == NULL) return;
	share_clear(s);
	MG_ASSERT(s->by_key.count == 0);
	map_deinit(&s->by_key);
	pthread_cond_destroy(&s->finished);
	pthread_mutex_destroy(&s->mutex);
	free(s);
	*sp = NULL;
}

static void forget_old(struct share *s, uint64_t now_ms)
{
	while (!list_empty(&s->kept)) {
		struct shared *oldest = LIST_OWNER(s->kept.next, struct shared, node);
		if (oldest->until_ms > now_ms && s->kept_count <= KEPT_MAX) return;
		forget(s, oldest);
	}
}

static struct shared *new_shared(struct share *s, struct mg_span key, size_t max)
{
	struct shared *e = check_calloc(1, sizeof *e + key.n);
	memcpy(e->key, key.p, key.n);
	e->by_key.key = span_make(e->key, key.n);
	e->answer = BUF_MAX(max);
	e->users = 1;
	list_init(&e->node);
	map_put(&s->by_key, &e->by_key);
	return e;
}

static void finish(struct share *s, struct shared *e, enum mg_code code)
{
	const uint64_t now_ms = clock_mono_ms();
	e->code = code;
	e->done = true;
	if (code != MG_OK) {
		forget(s, e);
	} else if (!e->forgotten) {
		e->until_ms = now_ms + s->keep_ms;
		list_append(&s->kept, &e->node);
		s->kept_count++;
	}
	forget_old(s, now_ms);
	pthread_cond_broadcast(&s->finished);
}

/* The entry with its result, which this thread must leave again. */
static struct shared *settle(struct share *s, struct mg_span key, size_t max, share_ask_fn *ask,
			     void *arg)
{
	for (;;) {
		forget_old(s, clock_mono_ms());
		struct map_node *found = map_get(&s->by_key, key);
		if (found == NULL) break;
		struct shared *e = LIST_OWNER(found, struct shared, by_key);
		e->users++;
		while (!e->done)
			pthread_cond_wait(&s->finished, &s->mutex);
		if (e->code != MG_CANCELED) return e;
		if (--e->users == 0) drop(e);
	}
	struct shared *e = new_shared(s, key, max);
	pthread_mutex_unlock(&s->mutex);
	const enum mg_code rc = ask(arg, &e->answer, &e->err);
	pthread_mutex_lock(&s->mutex);
	finish(s, e, rc);
	return e;
}

enum mg_code share_get(struct share *s, struct mg_span key, share_ask_fn *ask, void *arg,
		       struct mg_buf *out, struct mg_err *err)
{
	pthread_mutex_lock(&s->mutex);
	struct shared *e = settle(s, key, out->max, ask, arg);
	const enum mg_code rc = e->code;
	if (rc == MG_OK)
		buf_append(out, buf_span(&e->answer));
	else
		*err = e->err;
	if (--e->users == 0 && e->forgotten) drop(e);
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

static void forget_one(struct map_node *node, void *arg)
{
	forget(arg, LIST_OWNER(node, struct shared, by_key));
}

void share_clear(struct share *s)
{
	pthread_mutex_lock(&s->mutex);
	map_each(&s->by_key, forget_one, s);
	MG_ASSERT(s->kept_count == 0);
	pthread_mutex_unlock(&s->mutex);
}
