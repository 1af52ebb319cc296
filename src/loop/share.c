/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/share.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"

#define WAIT_SLICE_MS 100 /* how late a cancel may be noticed */

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
	struct share_options options;
};

struct share *share_new(const struct share_options *options)
{
	struct share *s = check_calloc(1, sizeof *s);
	pthread_condattr_t attr;
	s->options = *options;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->finished, &attr);
	pthread_condattr_destroy(&attr);
	list_init(&s->kept);
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

/* What is behind one that is kept longer is only seen to be old when somebody asks for it, or comes first. */
static void forget_old(struct share *s, uint64_t now_ms)
{
	while (!list_empty(&s->kept)) {
		struct shared *oldest = LIST_OWNER(s->kept.next, struct shared, node);
		if (oldest->until_ms > now_ms && s->kept_count <= s->options.max) return;
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

static uint32_t kept_for(const struct share *s, enum mg_code code)
{
	if (code == MG_OK) return s->options.keep_ms;
	return code == MG_NOT_FOUND || code == MG_INVALID ? s->options.absent_ms : 0;
}

static void finish(struct share *s, struct shared *e, enum mg_code code)
{
	const uint64_t now_ms = clock_mono_ms();
	const uint32_t keep_ms = kept_for(s, code);
	e->code = code;
	e->done = true;
	if (keep_ms == 0) {
		forget(s, e);
	} else if (!e->forgotten) {
		e->until_ms = now_ms + keep_ms;
		list_append(&s->kept, &e->node);
		s->kept_count++;
	}
	forget_old(s, now_ms);
	pthread_cond_broadcast(&s->finished);
}

/* Releases the mutex meanwhile. */
static void wait_a_little(struct share *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_SLICE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&s->finished, &s->mutex, &until);
}

static void leave(struct shared *e)
{
	if (--e->users == 0 && e->forgotten) drop(e);
}

/* The entry that others have asked for, with its result, which this thread must leave again. NULL with MG_OK: nobody
 * has. */
static enum mg_code join(struct share *s, struct mg_span key, const struct cancel *cancel,
			 struct shared **out, struct mg_err *err)
{
	for (*out = NULL;;) {
		const uint64_t now_ms = clock_mono_ms();
		forget_old(s, now_ms);
		struct map_node *found = map_get(&s->by_key, key);
		if (found == NULL) return MG_OK;
		struct shared *e = LIST_OWNER(found, struct shared, by_key);
		if (e->done && e->until_ms <= now_ms) {
			forget(s, e);
			return MG_OK;
		}
		e->users++;
		while (!e->done && !cancel_is_set(cancel))
			wait_a_little(s);
		if (e->done && e->code != MG_CANCELED) {
			*out = e;
			return MG_OK;
		}
		leave(e);
		if (cancel_is_set(cancel))
			return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "nobody waits any more");
	}
}

enum mg_code share_get(struct share *s, struct mg_span key, const struct cancel *cancel,
		       share_ask_fn *ask, void *arg, struct mg_buf *out, struct mg_err *err)
{
	struct shared *e;
	pthread_mutex_lock(&s->mutex);
	enum mg_code rc = join(s, key, cancel, &e, err);
	if (rc == MG_OK && e == NULL) {
		e = new_shared(s, key, out->max);
		pthread_mutex_unlock(&s->mutex);
		rc = ask(arg, &e->answer, &e->err);
		pthread_mutex_lock(&s->mutex);
		finish(s, e, rc);
	}
	if (e != NULL) {
		rc = e->code;
		if (rc == MG_OK)
			buf_append(out, buf_span(&e->answer));
		else if (err != NULL)
			*err = e->err;
		leave(e);
	}
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
