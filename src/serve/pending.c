/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/pending.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "fetch/ticket.h"
#include "loop/channel.h"
#include "serve/answer.h"
#include "serve/look.h"

#define KEY_MAX         16384
#define TICK_MS         1000
#define CHANNEL_WAIT_MS 5000
/* An order outlives one crash of fetch; what crashes it twice is answered 502. */
#define TRIES_MAX 2
/* A stale answer is remembered shortly, so that the refresh it started is soon seen. */
#define STALE_HOT_MS 1000

enum pending_state {
	PENDING_LOOKING, /* a job on the fs lane */
	PENDING_QUEUED,  /* waits for a channel to fetch */
	PENDING_ORDERED, /* fetch has it */
};

struct pending {
	struct map_node by_key;
	struct map_node by_id;
	struct pending_table *table;
	struct arena arena;
	enum pending_state state;
	struct target target;
	struct mg_span name; /* as the hot table knows it: the URL path of the first request */
	const char *key;
	uint32_t id;
	uint32_t flags;  /* of the order */
	bool fetched;    /* fetch said it is in the store */
	bool stale;      /* fetch could ask nobody; the stored copy stands */
	bool background; /* a refresh: lives without waiters */
	unsigned tries;
	uint64_t since_ms;
	uint32_t result_ttl_ms;
	struct look look;
	enum look_result looked;
	struct list waiters;
};

struct waiter {
	struct list node;
	struct pending *pending;
	struct exchange *x;
	struct mg_span path; /* as spelled by this client */
	bool stored_only;
};

struct pending_table {
	struct worker *w;
	struct channel *channel;
	struct loop_timer *tick;
	struct map by_key, by_id;
	uint32_t next_id;
};

/* --- settling: answers for all waiters --- */

static void pending_free(struct pending *p)
{
	if (p->by_key.key.p != NULL) map_remove(&p->table->by_key, &p->by_key);
	if (p->by_id.key.p != NULL) map_remove(&p->table->by_id, &p->by_id);
	look_deinit(&p->look);
	arena_deinit(&p->arena);
	free(p);
}

static void forget_id(struct pending *p)
{
	if (p->by_id.key.p != NULL) map_remove(&p->table->by_id, &p->by_id);
	p->by_id.key = (struct mg_span){ 0 };
}

static void remember(struct worker *w, struct mg_span path, struct reply *r, uint64_t expires_ms)
{
	if (hot_get(w->hot, path, loop_now_ms(w->loop)) != NULL) return;
	reply_ref(r);
	hot_put(w->hot, path, r, reply_bytes(r), expires_ms);
}

static void settle(struct pending *p, struct reply *r, uint64_t hot_until_ms)
{
	struct worker *w = p->table->w;
	if (hot_until_ms > loop_now_ms(w->loop)) remember(w, p->name, r, hot_until_ms);
	while (!list_empty(&p->waiters)) {
		struct waiter *wt = LIST_OWNER(p->waiters.next, struct waiter, node);
		list_remove(&wt->node);
		if (hot_until_ms > loop_now_ms(w->loop) && !span_eq(wt->path, p->name)) {
			remember(w, wt->path, r, hot_until_ms);
		}
		exchange_send(wt->x, r);
	}
	reply_unref(&r);
	pending_free(p);
}

static struct mg_span subject_of(struct pending *p, struct mg_buf *out)
{
	if (p->flags & TICKET_GO_GET) return p->target.path;
	target_name(&p->target, out);
	return buf_span(out);
}

static void settle_error(struct pending *p, const struct mg_err *err, uint32_t ttl_ms)
{
	struct worker *w = p->table->w;
	if (err->cause == MG_CAUSE_STORAGE) w->storage_fault_ms = loop_now_ms(w->loop);
	struct mg_buf name = BUF_MAX(KEY_MAX);
	struct mg_span subject = subject_of(p, &name);
	if (err->code != MG_NOT_FOUND && err->code != MG_CANCELED) {
		log_warn("request failed", LOG_SP("target", subject),
			 LOG_S("code", err_code_name(err->code)),
			 LOG_S("cause", err_cause_name(err->cause)), LOG_S("reason", err->text));
	}
	struct reply *r = answer_error(err, subject, ttl_ms / 1000);
	buf_deinit(&name);
	uint64_t until = ttl_ms > 0 ? loop_now_ms(w->loop) + ttl_ms : 0;
	/* A failed refresh must not hide the stored copy behind its error. */
	settle(p, r, p->background ? 0 : until);
}

/* --- hits and their age --- */

enum age {
	AGE_FRESH,
	AGE_STALE,
	AGE_OLD
};

static enum age age_of(const struct worker *w, const struct look *l, uint64_t *left_ms)
{
	*left_ms = 0;
	if (!target_is_mutable(l->target->kind)) return AGE_FRESH;
	int64_t age_ms = clock_wall_ms() - l->mtime_ns / 1000000;
	/* A file from the future (the clock was set back) is as good as stale, never fresh for ever. */
	if (age_ms < 0) return AGE_STALE;
	if ((uint64_t)age_ms < w->options->fresh_ms) {
		*left_ms = w->options->fresh_ms - (uint64_t)age_ms;
		return AGE_FRESH;
	}
	return (uint64_t)age_ms < (uint64_t)w->options->fresh_ms + w->options->stale_ms ? AGE_STALE
											: AGE_OLD;
}

/* The reply for a look that hit, and how long the hot table may repeat it. */
static struct reply *dress(struct worker *w, struct look *l, enum age age, uint64_t left_ms,
			   bool origins_down, uint32_t ttl_ms, uint64_t *hot_until_ms)
{
	uint64_t now = loop_now_ms(w->loop);
	if (!target_is_mutable(l->target->kind)) {
		*hot_until_ms = HOT_FOREVER;
		return look_reply(l, 0, SPAN(""));
	}
	if (age == AGE_FRESH) {
		*hot_until_ms = now + left_ms;
		return look_reply(l, (uint32_t)(left_ms / 1000), SPAN(""));
	}
	*hot_until_ms = now + (origins_down && ttl_ms > 0 ? ttl_ms : STALE_HOT_MS);
	return look_reply(l, 0,
			  origins_down ? SPAN("stale-no-upstream") : SPAN("stale-refreshing"));
}

static void order(struct pending *p, uint32_t flags);
static struct pending *pending_new(struct pending_table *t, const struct target *target,
				   struct mg_span name, const char *key);

static void refresh_in_background(struct pending_table *t, const struct target *target,
				  struct mg_span name, const char *key)
{
	if (t->w->options->cache_only || map_get(&t->by_key, span_of(key)) != NULL) return;
	struct pending *p = pending_new(t, target, name, key);
	p->background = true;
	order(p, TICKET_REFRESH);
}

/* --- orders --- */

static void send_order(struct pending *p)
{
	struct mg_buf message = BUF_MAX(CHANNEL_MESSAGE_MAX);
	struct list *first = list_first(&p->waiters);
	struct mg_span rid = { 0 };
	if (first != NULL) {
		rid = span_make(LIST_OWNER(first, struct waiter, node)->x->id, EXCHANGE_ID_SIZE);
	}
	ticket_encode(
		&(struct ticket){
			.type = TICKET_ORDER,
			.id = p->id,
			.flags = p->flags,
			.kind = p->target.kind,
			.path = p->target.path,
			.version = p->target.version,
			.request_id = rid,
		},
		&message);
	p->state = PENDING_ORDERED;
	p->tries++;
	p->since_ms = loop_now_ms(p->table->w->loop);
	channel_send(p->table->channel, buf_span(&message), NULL, 0);
	buf_deinit(&message);
}

static void refuse_stored_only(struct pending *p)
{
	struct mg_err err;
	err_set(&err, MG_NOT_FOUND, MG_CAUSE_NONE,
		"not in this store, and the request (or the setting cache-only) forbids asking "
		"upstream");
	struct mg_buf name = BUF_MAX(KEY_MAX);
	struct reply *r = answer_error(&err, subject_of(p, &name), 0);
	buf_deinit(&name);
	LIST_EACH_SAFE(it, &p->waiters)
	{
		struct waiter *wt = LIST_OWNER(it, struct waiter, node);
		if (!wt->stored_only) continue;
		list_remove(&wt->node);
		exchange_send(wt->x, r);
	}
	reply_unref(&r);
}

static void order(struct pending *p, uint32_t flags)
{
	struct pending_table *t = p->table;
	p->flags |= flags;
	refuse_stored_only(p);
	if (list_empty(&p->waiters) && !p->background) {
		pending_free(p);
		return;
	}
	do {
		p->id = t->next_id++;
	} while (map_get(&t->by_id, span_make(&p->id, sizeof p->id)) != NULL);
	p->by_id.key = span_make(&p->id, sizeof p->id);
	map_put(&t->by_id, &p->by_id);
	p->since_ms = loop_now_ms(t->w->loop);
	p->state = PENDING_QUEUED;
	if (t->channel != NULL) send_order(p);
}

static void cancel_order(struct pending *p)
{
	if (p->state == PENDING_ORDERED && p->table->channel != NULL) {
		struct mg_buf message = BUF_MAX(CHANNEL_MESSAGE_MAX);
		ticket_encode(&(struct ticket){ .type = TICKET_CANCEL, .id = p->id }, &message);
		channel_send(p->table->channel, buf_span(&message), NULL, 0);
		buf_deinit(&message);
	}
	pending_free(p);
}

/* --- looks --- */

static void on_look_run(void *arg)
{
	struct pending *p = arg;
	p->looked = look_run(&p->look, true);
}

static void settle_hit(struct pending *p)
{
	struct worker *w = p->table->w;
	uint64_t left_ms, hot_until_ms;
	enum age age = age_of(w, &p->look, &left_ms);
	bool all_stored_only = true;
	LIST_EACH(it, &p->waiters)
	{
		all_stored_only &= LIST_OWNER(it, struct waiter, node)->stored_only;
	}
	if (age == AGE_OLD && !p->fetched && !all_stored_only) {
		order(p, TICKET_REFRESH);
		return;
	}
	bool refresh = age != AGE_FRESH && !p->fetched && !all_stored_only;
	struct reply *r =
		dress(w, &p->look, age, left_ms, p->stale, p->result_ttl_ms, &hot_until_ms);
	if (!refresh) {
		settle(p, r, hot_until_ms);
		return;
	}
	/* The key must be free for the refresh, whose strings must outlive p. */
	struct arena a = ARENA_INIT;
	struct pending_table *t = p->table;
	struct target target;
	struct mg_err err;
	struct mg_span name = arena_dup(&a, p->name);
	char *key = arena_strdup(&a, span_of(p->key));
	enum mg_code made =
		target_make(p->target.kind, p->target.path, p->target.version, &a, &target, &err);
	settle(p, r, hot_until_ms);
	if (made == MG_OK) refresh_in_background(t, &target, name, key);
	arena_deinit(&a);
}

static void settle_look(struct pending *p)
{
	switch (p->looked) {
	case LOOK_HIT:
		settle_hit(p);
		return;
	case LOOK_MISS:
		if (p->fetched) break;
		order(p, 0);
		return;
	case LOOK_DAMAGED:
	case LOOK_FAULT:
		p->table->w->storage_fault_ms = loop_now_ms(p->table->w->loop);
		log_error("stored file unusable", LOG_S("key", p->key),
			  LOG_S("reason", p->look.err.text));
		if (p->fetched) {
			settle_error(p, &p->look.err, 0);
			return;
		}
		order(p, TICKET_DAMAGED);
		return;
	case LOOK_WOULD_BLOCK:
		break;
	}
	struct mg_err err;
	err_set(&err, MG_INTERNAL, MG_CAUSE_STORAGE,
		"fetched, but not found in the store; please report this with the request id");
	settle_error(p, &err, 0);
}

static void on_look_done(void *arg, bool ran)
{
	struct pending *p = arg;
	if (list_empty(&p->waiters) && !p->background) {
		pending_free(p);
		return;
	}
	if (ran) {
		settle_look(p);
		return;
	}
	struct mg_err err;
	err_set(&err, MG_UNAVAILABLE, MG_CAUSE_STORAGE,
		"the store's disk is too slow: reads are queueing up");
	err.retry_after_s = 2;
	settle_error(p, &err, 0);
}

static void look_on_lane(struct pending *p)
{
	struct worker *w = p->table->w;
	p->state = PENDING_LOOKING;
	p->since_ms = loop_now_ms(w->loop);
	if (!lane_submit(w->fs, w->loop, on_look_run, on_look_done, p)) on_look_done(p, false);
}

/* Fetch says the file is there: it was just written, so it is nearly always in memory. */
static void look_after_fetch(struct pending *p)
{
	forget_id(p);
	p->fetched = true;
	look_init(&p->look, p->table->w->store, &p->target, p->key);
	p->looked = look_run(&p->look, false);
	if (p->looked == LOOK_WOULD_BLOCK) {
		look_deinit(&p->look);
		look_init(&p->look, p->table->w->store, &p->target, p->key);
		look_on_lane(p);
		return;
	}
	settle_look(p);
}

/* --- what fetch says --- */

static void settle_go_get(struct pending *p, struct mg_span body)
{
	struct reply *r = reply_new(&(struct reply_spec){
		.status = 200,
		.content_type = SPAN("text/html; charset=utf-8"),
		.last_modified = -1,
		.cache_control = SPAN("public, max-age=60"),
		.body = body,
		.request_id_at = -1,
	});
	forget_id(p);
	settle(p, r, 0);
}

static void on_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct pending_table *t = arg;
	struct ticket res;
	if (!ticket_decode(message, &res) || res.type != TICKET_RESULT) {
		log_error("malformed message from fetch", LOG_I("bytes", message.n));
		return;
	}
	struct map_node *node = map_get(&t->by_id, span_make(&res.id, sizeof res.id));
	if (node == NULL) return; /* canceled in the meantime */
	struct pending *p = LIST_OWNER(node, struct pending, by_id);
	p->result_ttl_ms = res.ttl_ms;
	p->stale = res.stale;
	if (res.code == MG_OK && (p->flags & TICKET_GO_GET)) {
		settle_go_get(p, res.body);
	} else if (res.code == MG_OK) {
		look_after_fetch(p);
	} else {
		struct mg_err err;
		err_set(&err, res.code, res.cause, "%.*s", SPAN_ARG(res.text));
		err.retry_after_s = res.retry_after_s;
		forget_id(p);
		settle_error(p, &err, res.ttl_ms);
	}
}

static void requeue_or_fail(struct map_node *node, void *arg)
{
	struct pending *p = LIST_OWNER(node, struct pending, by_id);
	if (p->state != PENDING_ORDERED) return;
	if (p->tries < TRIES_MAX) {
		p->state = PENDING_QUEUED;
		p->since_ms = loop_now_ms(p->table->w->loop);
		return;
	}
	struct mg_err err;
	err_set(&err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM,
		"the fetch process ended twice while working on this; see its log");
	err.retry_after_s = 5;
	settle_error(p, &err, 0);
}

static void on_closed(void *arg)
{
	struct pending_table *t = arg;
	channel_free(&t->channel);
	if (!t->w->draining) log_warn("fetch is gone", LOG_I("open_orders", t->by_id.count));
	map_each(&t->by_id, requeue_or_fail, NULL);
}

static void send_queued(struct map_node *node, void *arg)
{
	struct pending *p = LIST_OWNER(node, struct pending, by_id);
	if (p->state == PENDING_QUEUED) send_order(p);
}

void pending_connect(struct pending_table *t, int channel_fd)
{
	if (t->channel != NULL) {
		channel_free(&t->channel);
		map_each(&t->by_id, requeue_or_fail, NULL);
	}
	t->channel = channel_new(t->w->loop, channel_fd, on_message, on_closed, t);
	map_each(&t->by_id, send_queued, NULL);
}

bool pending_connected(const struct pending_table *t)
{
	return t->channel != NULL;
}

/* --- the deadline of every wait --- */

static void check_deadline(struct map_node *node, void *arg)
{
	struct pending *p = LIST_OWNER(node, struct pending, by_id);
	struct worker *w = p->table->w;
	uint64_t waited = loop_now_ms(w->loop) - p->since_ms;
	struct mg_err err;
	if (p->state == PENDING_QUEUED && waited >= CHANNEL_WAIT_MS) {
		err_set(&err, MG_UNAVAILABLE, MG_CAUSE_NONE,
			"the fetch process is being restarted; what is stored is served meanwhile");
		err.retry_after_s = 5;
	} else if (p->state == PENDING_ORDERED && waited >= w->options->order_timeout_ms) {
		err_set(&err, MG_TIMEOUT, MG_CAUSE_UPSTREAM, "no result from upstream within %u s",
			w->options->order_timeout_ms / 1000);
	} else {
		return;
	}
	settle_error(p, &err, 0);
}

static void on_tick(void *arg)
{
	struct pending_table *t = arg;
	map_each(&t->by_id, check_deadline, NULL);
}

/* --- requests --- */

static struct pending *pending_new(struct pending_table *t, const struct target *target,
				   struct mg_span name, const char *key)
{
	struct pending *p = check_calloc(1, sizeof *p);
	p->table = t;
	list_init(&p->waiters);
	p->key = arena_strdup(&p->arena, span_of(key));
	p->name = arena_dup(&p->arena, name);
	p->target = (struct target){
		.kind = target->kind,
		.path = arena_dup(&p->arena, target->path),
		.epath = arena_dup(&p->arena, target->epath),
		.version = arena_dup(&p->arena, target->version),
		.eversion = arena_dup(&p->arena, target->eversion),
	};
	look_init(&p->look, t->w->store, &p->target, p->key);
	p->by_key.key = span_of(p->key);
	map_put(&t->by_key, &p->by_key);
	return p;
}

static void on_gone(struct exchange *x)
{
	struct waiter *wt = x->user;
	struct pending *p = wt->pending;
	list_remove(&wt->node);
	/* A look on the lane still uses p; it ends by itself. */
	if (list_empty(&p->waiters) && !p->background && p->state != PENDING_LOOKING)
		cancel_order(p);
}

static void wait_for(struct pending *p, struct exchange *x, struct mg_span path, bool stored_only)
{
	struct waiter *wt = arena_alloc(&x->arena, sizeof *wt);
	*wt = (struct waiter){
		.pending = p, .x = x, .path = arena_dup(&x->arena, path), .stored_only = stored_only
	};
	list_append(&p->waiters, &wt->node);
	x->user = wt;
	x->on_gone = on_gone;
	exchange_park(x);
}

/* A hit that needs no wait: answered without a pending. False: too old to be served unasked. */
static bool answer_hit(struct pending_table *t, struct exchange *x, struct look *l,
		       bool stored_only)
{
	struct worker *w = t->w;
	uint64_t left_ms, hot_until_ms;
	enum age age = age_of(w, l, &left_ms);
	if (age == AGE_OLD && !stored_only) return false;
	struct reply *r = dress(w, l, age, left_ms, false, 0, &hot_until_ms);
	remember(w, x->head.path, r, hot_until_ms);
	if (age != AGE_FRESH && !stored_only) {
		refresh_in_background(t, l->target, x->head.path, l->key);
	}
	exchange_send(x, r);
	reply_unref(&r);
	return true;
}

void pending_begin(struct pending_table *t, struct exchange *x, const struct target *target,
		   bool stored_only)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	store_key(target, &key);
	const char *k = buf_cstr(&key);
	struct map_node *node = map_get(&t->by_key, buf_span(&key));
	struct pending *p = node != NULL ? LIST_OWNER(node, struct pending, by_key) : NULL;
	struct mg_span path = x->head.path;
	if (p != NULL && !p->background) {
		wait_for(p, x, path, stored_only);
		if (stored_only && p->state != PENDING_LOOKING) refuse_stored_only(p);
		buf_deinit(&key);
		return;
	}
	struct look look;
	look_init(&look, t->w->store, target, k);
	enum look_result looked = look_run(&look, false);
	if (looked != LOOK_HIT || !answer_hit(t, x, &look, stored_only)) {
		bool joined = p != NULL;
		if (p == NULL) p = pending_new(t, target, path, k);
		wait_for(p, x, path, stored_only);
		p->looked = looked;
		p->look.err = look.err;
		if (joined) {
			if (stored_only) refuse_stored_only(p);
		} else if (looked == LOOK_HIT) {
			order(p, TICKET_REFRESH);
		} else if (looked == LOOK_WOULD_BLOCK) {
			look_on_lane(p);
		} else {
			settle_look(p);
		}
	}
	look_deinit(&look);
	buf_deinit(&key);
}

void pending_go_get(struct pending_table *t, struct exchange *x, struct mg_span path)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	buf_append(&key, SPAN("?"));
	buf_append(&key, path);
	struct map_node *node = map_get(&t->by_key, buf_span(&key));
	struct pending *p;
	if (node != NULL) {
		p = LIST_OWNER(node, struct pending, by_key);
		wait_for(p, x, x->head.path, false);
	} else {
		struct target target = { .kind = TARGET_QUERY, .path = path };
		p = pending_new(t, &target, x->head.path, buf_cstr(&key));
		wait_for(p, x, x->head.path, false);
		order(p, TICKET_GO_GET);
	}
	buf_deinit(&key);
}

struct pending_table *pending_table_new(struct worker *w, int channel_fd)
{
	struct pending_table *t = check_calloc(1, sizeof *t);
	t->w = w;
	t->tick = loop_timer_new(w->loop, on_tick, t);
	loop_timer_start(t->tick, TICK_MS, TICK_MS);
	if (channel_fd >= 0) pending_connect(t, channel_fd);
	return t;
}

static void free_one(struct map_node *node, void *arg)
{
	pending_free(LIST_OWNER(node, struct pending, by_key));
}

void pending_table_free(struct pending_table **t)
{
	if (*t == NULL) return;
	channel_free(&(*t)->channel);
	loop_timer_free(&(*t)->tick);
	map_each(&(*t)->by_key, free_one, NULL);
	map_deinit(&(*t)->by_key);
	map_deinit(&(*t)->by_id);
	free(*t);
	*t = NULL;
}
