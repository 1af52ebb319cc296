/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/pending.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "fetch/origin.h"
#include "record/metrics.h"
#include "serve/age.h"
#include "serve/answer.h"
#include "serve/look.h"
#include "serve/orders.h"

#define KEY_MAX 16384
#define VIA_MAX 1024
/* What was stored this short a time ago may be a guess of fetch's, which wants to hear of it. */
#define JUST_FETCHED_MS (5 * 60 * 1000)

struct pending {
	struct map_node by_key;
	struct order order;
	struct pending_table *table;
	struct arena arena;
	struct target target;
	struct mg_span name; /* as the hot table knows it: the URL path of the first request */
	const char *key;     /* in the store */
	struct list waiters;
	bool background; /* a refresh: lives without waiters */
	bool looking;    /* the fs lane works on look */
	bool fetched;    /* fetch said it is in the store */
	uint32_t origins_down_ms;
	unsigned forgotten; /* the worker's, when the look began */
	struct look look;
	enum look_result looked;
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
	struct map by_key;
};

static struct waiter *waiter_of(struct list *node)
{
	return LIST_OWNER(node, struct waiter, node);
}

/* --- settling: the answer for all waiters --- */

static void pending_free(struct pending *p)
{
	orders_cancel(&p->order);
	map_remove(&p->table->by_key, &p->by_key);
	look_deinit(&p->look);
	arena_deinit(&p->arena);
	free(p);
}

static void remember(struct worker *w, struct mg_span path, struct reply *r, uint64_t until_ms)
{
	uint64_t now = loop_now_ms(w->loop);
	if (until_ms <= now || hot_get(w->hot, path, now) != NULL) return;
	reply_ref(r);
	hot_put(w->hot, path, r, reply_bytes(r), until_ms);
}

/* What was looked at a while ago may have been found damaged since. */
static void remember_if_fit(const struct pending *p, struct mg_span path, struct reply *r,
			    uint64_t until_ms)
{
	struct worker *w = p->table->w;
	if (p->forgotten == w->forgotten) remember(w, path, r, until_ms);
}

static unsigned kind_of(const struct pending *p)
{
	if (p->order.flags & TICKET_GO_GET) return METRICS_KIND_OTHER;
	if (p->order.flags & TICKET_SUMDB) return METRICS_KIND_SUMDB;
	return METRICS_KIND_LIST + p->target.kind;
}

static void count_lookup(const struct reply *r, enum metrics_lookup good)
{
	const enum metrics_lookup from = reply_status(r) == 200 ? good : METRICS_LOOKUP_FAILED;
	metrics_add(METRICS_LOOKED_UP + from * METRICS_KINDS + reply_kind(r), 1);
}

/* Takes r over. p is gone after. */
static void settle(struct pending *p, struct reply *r, uint64_t hot_until_ms)
{
	const bool asked = p->fetched || p->order.flags & (TICKET_GO_GET | TICKET_SUMDB);
	remember_if_fit(p, p->name, r, hot_until_ms);
	while (!list_empty(&p->waiters)) {
		struct waiter *wt = waiter_of(p->waiters.next);
		list_remove(&wt->node);
		if (!span_eq(wt->path, p->name)) remember_if_fit(p, wt->path, r, hot_until_ms);
		count_lookup(r, asked ? METRICS_LOOKUP_FETCHED : METRICS_LOOKUP_STORE);
		exchange_send(wt->x, r);
	}
	reply_unref(&r);
	pending_free(p);
}

static struct reply *error_reply(struct pending *p, const struct mg_err *err, uint32_t ttl_ms)
{
	struct mg_buf name = BUF_MAX(KEY_MAX);
	if (p->order.flags & (TICKET_GO_GET | TICKET_SUMDB)) {
		buf_append(&name, p->target.path);
	} else {
		target_name(&p->target, &name);
	}
	const bool absent = err->code == MG_NOT_FOUND;
	/* What was merely not looked for is no event. */
	if (err->code != MG_CANCELED && !(absent && p->order.request_id.n == 0)) {
		const enum log_level level = absent ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
		LOG_LINE(level, "request failed", LOG_SP("target", buf_span(&name)),
			 LOG_S("code", err_code_name(err->code)),
			 LOG_S("cause", err_cause_name(err->cause)), LOG_S("reason", err->text),
			 LOG_SP("request", p->order.request_id));
	}
	struct reply *r = answer_error(err, buf_span(&name), ttl_ms / 1000);
	reply_count_as(r, kind_of(p));
	buf_deinit(&name);
	return r;
}

/* One damaged file is that file's trouble, an absence is none: neither makes the worker unready. */
static void note_fault(struct worker *w, const struct mg_err *err)
{
	if (err->cause != MG_CAUSE_STORAGE) return;
	if (err->code == MG_CORRUPT || err->code == MG_NOT_FOUND) return;
	metrics_add(METRICS_STORE_FAULTS, 1);
	atomic_store(w->storage_fault_ms, clock_mono_ms());
}

static void settle_error(struct pending *p, const struct mg_err *err, uint32_t ttl_ms)
{
	struct worker *w = p->table->w;
	uint64_t now = loop_now_ms(w->loop);
	note_fault(w, err);
	/* A failed refresh must not hide the stored copy behind its error. */
	settle(p, error_reply(p, err, ttl_ms), p->background || ttl_ms == 0 ? 0 : now + ttl_ms);
}

/* --- orders --- */

static bool any_waiter(struct pending *p, bool stored_only)
{
	LIST_EACH(it, &p->waiters)
	{
		if (waiter_of(it)->stored_only == stored_only) return true;
	}
	return false;
}

static void on_result(struct order *o, const struct ticket *result);

/* For those who must not ask: only a look that missed proves absence. */
static struct reply *stored_only_reply(struct pending *p, enum look_result looked,
				       const struct mg_err *why)
{
	struct mg_err err;
	if (looked == LOOK_DAMAGED || looked == LOOK_FAULT || looked == LOOK_UNPROVEN)
		return error_reply(p, why, 0);
	err_set(&err, MG_NOT_FOUND, MG_CAUSE_NONE,
		"not in this store, and this request must not ask upstream");
	return error_reply(p, &err, 0);
}

/* Takes r over. */
static void answer_stored_only(struct pending *p, struct reply *r)
{
	LIST_EACH_SAFE(it, &p->waiters)
	{
		struct waiter *wt = waiter_of(it);
		if (!wt->stored_only) continue;
		list_remove(&wt->node);
		count_lookup(r, METRICS_LOOKUP_STORE);
		exchange_send(wt->x, r);
	}
	reply_unref(&r);
}

static void place_order(struct pending *p, uint32_t flags)
{
	if (any_waiter(p, true))
		answer_stored_only(p, stored_only_reply(p, p->looked, &p->look.err));
	look_deinit(&p->look);
	if (list_empty(&p->waiters) && !p->background) {
		pending_free(p);
		return;
	}
	p->order.flags |= flags;
	p->order.kind = p->target.kind;
	p->order.path = p->target.path;
	p->order.version = p->target.version;
	p->order.on_result = on_result;
	if (!list_empty(&p->waiters)) {
		struct exchange *x = waiter_of(p->waiters.next)->x;
		p->order.request_id = arena_dup(&p->arena, span_make(x->id, EXCHANGE_ID_SIZE));
		/* Of several that wait for one thing the first is as good as any to find a loop by. */
		p->order.via =
			arena_dup(&p->arena, span_first(x->head.field[HEAD_FIELD_VIA], VIA_MAX));
	}
	metrics_add(METRICS_ORDERS, 1);
	orders_place(p->table->w->orders, &p->order);
}

static void init_look(struct look *l, const struct worker *w, const struct target *t,
		      const char *key)
{
	const struct front_options *o = w->options;
	const bool due = o->prove && !origin_is_exempt(span_of(o->nosumdb), t->path);
	look_init(l, w->store, t, key, due ? o->sumdb_key : NULL);
	l->lenient = o->lenient;
}

static void begin_look(struct pending *p)
{
	p->forgotten = p->table->w->forgotten;
	init_look(&p->look, p->table->w, &p->target, p->key);
	p->look.settling = p->fetched; /* fetch knows */
}

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
	begin_look(p);
	p->by_key.key = span_of(p->key);
	map_put(&t->by_key, &p->by_key);
	return p;
}

/* The strings may belong to a pending that is about to go: they are copied. No pending of that key
 * may exist. */
static void refresh_in_background(struct pending_table *t, const struct target *target,
				  struct mg_span name, const char *key)
{
	struct pending *p = pending_new(t, target, name, key);
	p->background = true;
	place_order(p, TICKET_REFRESH);
}

/* --- what a look found --- */

static struct age age_now(const struct worker *w, const struct look *l)
{
	return age_of(l->target->kind, l->mtime_ns, clock_wall_ms(), w->options);
}

static void tell_seen(struct worker *w, const struct look *l)
{
	if (!target_is_mutable(l->target->kind) && l->target->kind != TARGET_ZIP &&
	    clock_wall_ms() - l->mtime_ns / 1000000 < JUST_FETCHED_MS)
		orders_tell_seen(w->orders, l->target);
}

static void settle_hit(struct pending *p)
{
	struct worker *w = p->table->w;
	struct age age = age_now(w, &p->look);
	bool ask = !p->fetched && (p->background || any_waiter(p, false));
	if (!p->fetched) tell_seen(w, &p->look);
	/* What an origin just said is the truth of this moment, however short it counts as fresh. */
	if (p->fetched && p->origins_down_ms == 0 && age.class != AGE_FRESH)
		age = (struct age){ .class = AGE_FRESH };
	uint64_t hot_until_ms;
	struct reply *r =
		age_dress(age, &p->look, loop_now_ms(w->loop), p->origins_down_ms, &hot_until_ms);
	if (age.class == AGE_OLD && ask) {
		answer_stored_only(p, r);
		place_order(p, TICKET_REFRESH);
		return;
	}
	if (age.class == AGE_FRESH || !ask) {
		bool last_word = age.class == AGE_FRESH || p->fetched;
		settle(p, r, last_word ? hot_until_ms : 0);
		return;
	}
	/* Answer, then let the same pending live on as the refresh. */
	while (!list_empty(&p->waiters)) {
		struct waiter *wt = waiter_of(p->waiters.next);
		list_remove(&wt->node);
		count_lookup(r, METRICS_LOOKUP_STORE);
		exchange_send(wt->x, r);
	}
	remember_if_fit(p, p->name, r, hot_until_ms);
	reply_unref(&r);
	p->background = true;
	place_order(p, TICKET_REFRESH);
}

static void settle_look(struct pending *p)
{
	struct worker *w = p->table->w;
	struct mg_err err;
	switch (p->looked) {
	case LOOK_HIT:
		settle_hit(p);
		return;
	case LOOK_MISS:
		if (!p->fetched) {
			place_order(p, 0);
			return;
		}
		err_set(&err, MG_INTERNAL, MG_CAUSE_STORAGE,
			"fetched, but not found in the store; please report this");
		settle_error(p, &err, 0);
		return;
	case LOOK_UNPROVEN:
		if (p->fetched)
			settle_error(p, &p->look.err, 0);
		else
			place_order(p, TICKET_UNPROVEN);
		return;
	case LOOK_DAMAGED:
	case LOOK_FAULT:
		log_error("stored file unusable", LOG_S("key", p->key),
			  LOG_S("reason", p->look.err.text));
		note_fault(w, &p->look.err);
		if (p->fetched) {
			settle_error(p, &p->look.err, 0);
		} else {
			place_order(p, TICKET_DAMAGED);
		}
		return;
	case LOOK_WOULD_BLOCK:
		break;
	}
	MG_ASSERT(false && "a look that may block never would");
}

static void on_look_run(void *arg)
{
	struct pending *p = arg;
	p->looked = look_run(&p->look, true);
}

static void on_look_done(void *arg, bool ran)
{
	struct pending *p = arg;
	p->looking = false;
	if (list_empty(&p->waiters) && !p->background) {
		pending_free(p);
		return;
	}
	if (ran) {
		settle_look(p);
		return;
	}
	metrics_add(METRICS_LANE_REFUSED + METRICS_LANE_FS, 1);
	struct mg_err err;
	err_set(&err, MG_UNAVAILABLE, MG_CAUSE_STORAGE,
		"the store's disk is too slow: reads are queueing up");
	err.retry_after_s = 2;
	settle_error(p, &err, 0);
}

static void look_on_lane(struct pending *p)
{
	struct worker *w = p->table->w;
	look_deinit(&p->look);
	begin_look(p);
	p->looking = true;
	if (!lane_submit(w->fs, w->loop, on_look_run, on_look_done, p)) on_look_done(p, false);
}

/* --- what fetch says --- */

/* What is asked of the checksum database never changes, but for its newest head. */
static void settle_ask(struct pending *p, struct mg_span body)
{
	const bool go_get = (p->order.flags & TICKET_GO_GET) != 0;
	const bool tile = !go_get && span_has_prefix(p->target.path, SPAN("tile/"));
	const bool changes = go_get || span_eq(p->target.path, SPAN("latest"));
	settle(p,
	       reply_new(&(struct reply_spec){
		       .status = 200,
		       .content_type = go_get ? SPAN("text/html; charset=utf-8")
				       : tile ? SPAN("application/octet-stream")
					      : SPAN("text/plain; charset=utf-8"),
		       .last_modified = -1,
		       .cache_control = go_get    ? SPAN("public, max-age=60")
					: changes ? SPAN("no-cache")
						  : SPAN("public, max-age=31536000, immutable"),
		       .body = body,
		       .request_id_at = -1,
		       .kind = kind_of(p),
	       }),
	       changes ? 0 : HOT_FOREVER);
}

static void on_result(struct order *o, const struct ticket *result)
{
	struct pending *p = LIST_OWNER(o, struct pending, order);
	if (result->code != MG_OK) {
		struct mg_err err;
		err_set(&err, result->code, result->cause, "%.*s", SPAN_ARG(result->text));
		err.retry_after_s = result->retry_after_s;
		settle_error(p, &err, result->ttl_ms);
		return;
	}
	if (o->flags & (TICKET_GO_GET | TICKET_SUMDB)) {
		settle_ask(p, result->body);
		return;
	}
	p->fetched = true;
	p->origins_down_ms = result->stale ? result->ttl_ms : 0;
	/* It was just written, so it is nearly always in memory. */
	begin_look(p);
	p->looked = look_run(&p->look, false);
	if (p->looked == LOOK_WOULD_BLOCK) {
		look_on_lane(p);
	} else {
		settle_look(p);
	}
}

/* --- requests --- */

static void on_gone(struct exchange *x)
{
	struct waiter *wt = x->user;
	struct pending *p = wt->pending;
	list_remove(&wt->node);
	/* A look on the lane still uses p; it ends by itself. */
	if (list_empty(&p->waiters) && !p->background && !p->looking) pending_free(p);
}

static void wait_for(struct pending *p, struct exchange *x, bool stored_only)
{
	struct waiter *wt = arena_alloc(&x->arena, sizeof *wt);
	exchange_park(x);
	*wt = (struct waiter){
		.pending = p, .x = x, .path = x->head.path, .stored_only = stored_only
	};
	list_append(&p->waiters, &wt->node);
	x->user = wt;
	x->on_gone = on_gone;
}

/* A hit that needs no wait: answered without a pending. False: too old to be served unasked. */
static bool answer_hit(struct pending_table *t, struct exchange *x, struct look *l,
		       bool stored_only, bool refreshing)
{
	struct worker *w = t->w;
	struct age age = age_now(w, l);
	if (age.class == AGE_OLD && !stored_only) return false;
	uint64_t hot_until_ms;
	struct reply *r = age_dress(age, l, loop_now_ms(w->loop), 0, &hot_until_ms);
	/* What is stale for want of leave to ask must not be what those with leave find. */
	if (age.class == AGE_FRESH || !stored_only) remember(w, x->head.path, r, hot_until_ms);
	if (age.class != AGE_FRESH && !stored_only && !refreshing) {
		refresh_in_background(t, l->target, x->head.path, l->key);
	}
	tell_seen(w, l);
	count_lookup(r, METRICS_LOOKUP_STORE);
	exchange_send(x, r);
	reply_unref(&r);
	return true;
}

static void begin(struct pending_table *t, struct exchange *x, const struct target *target,
		  bool stored_only, const char *key)
{
	struct map_node *node = map_get(&t->by_key, span_of(key));
	struct pending *p = node != NULL ? LIST_OWNER(node, struct pending, by_key) : NULL;
	struct look look;
	init_look(&look, t->w, target, key);
	/* Behind a pending that is not a mere refresh there is nothing new to be seen yet; what is old is
	 * good enough for one who must not ask. */
	bool join = p != NULL && !p->background && (p->looking || !stored_only);
	enum look_result looked = join ? LOOK_MISS : look_run(&look, false);
	if (looked == LOOK_HIT && answer_hit(t, x, &look, stored_only, p != NULL)) goto out;

	if (p != NULL && stored_only && !p->looking && looked != LOOK_WOULD_BLOCK) {
		struct reply *r = stored_only_reply(p, looked, &look.err);
		count_lookup(r, METRICS_LOOKUP_FAILED);
		exchange_send(x, r);
		reply_unref(&r);
		goto out;
	}
	if (p != NULL) {
		wait_for(p, x, stored_only);
		goto out;
	}
	p = pending_new(t, target, x->head.path, key);
	wait_for(p, x, stored_only);
	p->looked = looked;
	p->look.err = look.err;
	if (looked == LOOK_WOULD_BLOCK) {
		look_on_lane(p);
	} else if (looked == LOOK_HIT) {
		place_order(p, TICKET_REFRESH);
	} else {
		settle_look(p);
	}
out:
	look_deinit(&look);
}

void pending_begin(struct pending_table *t, struct exchange *x, const struct target *target,
		   bool stored_only)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	store_key(target, &key);
	begin(t, x, target, stored_only, buf_cstr(&key));
	buf_deinit(&key);
}

void pending_ask(struct pending_table *t, struct exchange *x, uint32_t flag, struct mg_span path)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	/* No store key begins so. */
	buf_append_char(&key, flag == TICKET_GO_GET ? '?' : '=');
	buf_append(&key, path);
	struct map_node *node = map_get(&t->by_key, buf_span(&key));
	if (node != NULL) {
		wait_for(LIST_OWNER(node, struct pending, by_key), x, false);
	} else {
		struct target target = { .kind = TARGET_QUERY, .path = path };
		struct pending *p = pending_new(t, &target, x->head.path, buf_cstr(&key));
		wait_for(p, x, false);
		place_order(p, flag);
	}
	buf_deinit(&key);
}

struct pending_table *pending_table_new(struct worker *w)
{
	struct pending_table *t = check_calloc(1, sizeof *t);
	t->w = w;
	return t;
}

static void free_one(struct map_node *node, void *arg)
{
	pending_free(LIST_OWNER(node, struct pending, by_key));
}

void pending_table_free(struct pending_table **t)
{
	if (*t == NULL) return;
	map_each(&(*t)->by_key, free_one, NULL);
	map_deinit(&(*t)->by_key);
	free(*t);
	*t = NULL;
}
