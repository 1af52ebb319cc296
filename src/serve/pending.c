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
#include "serve/download.h"
#include "serve/look.h"
#include "serve/orders.h"

#define KEY_MAX 16384
#define VIA_MAX 1024

struct pending {
	struct map_node by_key;
	struct order order;
	struct pending_table *table;
	struct arena arena;
	struct target target;
	struct mg_span name; /* as the hot table knows it: the URL path of the first request */
	const char *key;     /* in the store */
	struct list waiters;
	bool background;           /* a refresh: lives without waiters */
	bool looking;              /* the fs lane works on look */
	bool fetched;              /* fetch said it is in the store */
	bool sending;              /* in download_send: not to be freed by what that ends */
	struct download *download; /* what there is of it already; NULL: nothing may be sent yet */
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
	download_end(&p->download, false);
	map_remove(&p->table->by_key, &p->by_key);
	look_deinit(&p->look);
	arena_deinit(&p->arena);
	free(p);
}

/* What was looked at a while ago may have been found damaged since. */
static void remember_if_fit(const struct pending *p, struct mg_span path, struct reply *r,
			    uint64_t until_ms)
{
	struct worker *w = p->table->w;
	if (p->forgotten == w->forgotten) worker_remember(w, path, r, until_ms);
}

static unsigned kind_of(const struct pending *p)
{
	if (p->order.flags & TICKET_GO_GET) return METRICS_KIND_OTHER;
	if (p->order.flags & TICKET_SUMDB) return METRICS_KIND_SUMDB;
	return METRICS_KIND_LIST + p->target.kind;
}

static void send_all(struct pending *p, struct reply *r, uint64_t hot_until_ms)
{
	const bool asked = p->fetched || p->order.flags & (TICKET_GO_GET | TICKET_SUMDB);
	remember_if_fit(p, p->name, r, hot_until_ms);
	while (!list_empty(&p->waiters)) {
		struct waiter *wt = waiter_of(p->waiters.next);
		list_remove(&wt->node);
		if (!span_eq(wt->path, p->name)) remember_if_fit(p, wt->path, r, hot_until_ms);
		answer_count(r, asked ? METRICS_LOOKUP_FETCHED : METRICS_LOOKUP_STORE);
		exchange_send(wt->x, r);
	}
}

/* Takes r over. p is gone after. */
static void settle(struct pending *p, struct reply *r, uint64_t hot_until_ms)
{
	send_all(p, r, hot_until_ms);
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
	answer_log(err, buf_span(&name), p->order.request_id,
		   list_empty(&p->waiters) ? NULL : waiter_of(p->waiters.next)->x);
	struct reply *r = answer_error(err, buf_span(&name), ttl_ms / 1000);
	reply_count_as(r, kind_of(p));
	buf_deinit(&name);
	return r;
}

static void settle_error(struct pending *p, const struct mg_err *err, uint32_t ttl_ms)
{
	struct worker *w = p->table->w;
	uint64_t now = loop_now_ms(w->loop);
	worker_note_fault(w, err);
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

/* Nobody waits, or is being sent anything. A look on the lane still uses p; it ends by itself. */
static void free_if_idle(struct pending *p)
{
	if (p->background || p->looking || p->sending || !list_empty(&p->waiters)) return;
	if (p->download == NULL || !download_busy(p->download)) pending_free(p);
}

static void on_result(struct order *o, const struct ticket *result);
static void on_news(struct order *o, const struct ticket *news, int *fds, size_t fd_count);
static void on_lost(struct order *o);

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
		answer_count(r, METRICS_LOOKUP_STORE);
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
	p->order.on_news = on_news;
	p->order.on_lost = on_lost;
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

static void settle_hit(struct pending *p)
{
	struct worker *w = p->table->w;
	struct age age = age_now(w, &p->look);
	bool ask = !p->fetched && (p->background || any_waiter(p, false));
	if (!p->fetched) orders_tell_seen(w->orders, &p->target, p->look.mtime_ns);
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
	send_all(p, r, hot_until_ms);
	reply_unref(&r);
	p->background = true;
	place_order(p, TICKET_REFRESH);
}

static void settle_look(struct pending *p)
{
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
		worker_note_fault(p->table->w, &p->look.err);
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
	const bool changes = go_get || span_eq(p->target.path, SPAN("latest"));
	settle(p, go_get ? answer_page(body) : answer_sumdb(p->target.path, body, changes),
	       changes ? 0 : HOT_FOREVER);
}

static void on_result(struct order *o, const struct ticket *result)
{
	struct pending *p = LIST_OWNER(o, struct pending, order);
	const bool streamed = p->download != NULL;
	download_end(&p->download, result->code == MG_OK);
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
	if (streamed && list_empty(&p->waiters)) {
		pending_free(p);
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

/* --- what fetch is still getting --- */

static void on_idle(void *arg)
{
	free_if_idle(arg);
}

/* p may be gone after. */
static void send_download(struct pending *p, struct exchange *x)
{
	p->sending = true;
	download_send(p->download, x);
	p->sending = false;
	free_if_idle(p);
}

static void begin_download(struct pending *p, uint64_t size, int *fds)
{
	download_end(&p->download, false);
	p->download = download_new(size, fds, on_idle, p);
	if (p->download == NULL) {
		log_error("fetch offers a stream that is none", LOG_S("key", p->key));
		return;
	}
	download_refresh(p->download);
	p->sending = true;
	LIST_EACH_SAFE(it, &p->waiters)
	{
		struct waiter *wt = waiter_of(it);
		if (!download_suits(&wt->x->head)) continue;
		list_remove(&wt->node);
		download_send(p->download, wt->x);
	}
	p->sending = false;
	free_if_idle(p);
}

static void on_news(struct order *o, const struct ticket *news, int *fds, size_t fd_count)
{
	struct pending *p = LIST_OWNER(o, struct pending, order);
	if (news->type == TICKET_STREAM) {
		begin_download(p, news->size, fds);
	} else if (p->download != NULL && !download_refresh(p->download)) {
		log_warn("answers cut: not what was sent of it will be the whole",
			 LOG_S("key", p->key));
		/* Another origin may have better: those who come back find that stored. */
		p->background = true;
		download_end(&p->download, false);
	}
}

static void on_lost(struct order *o)
{
	struct pending *p = LIST_OWNER(o, struct pending, order);
	if (p->download == NULL) return;
	download_end(&p->download, false);
	free_if_idle(p);
}

/* --- requests --- */

static void on_gone(struct exchange *x)
{
	struct waiter *wt = x->user;
	struct pending *p = wt->pending;
	list_remove(&wt->node);
	free_if_idle(p);
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
	if (age.class == AGE_FRESH || !stored_only)
		worker_remember(w, x->head.path, r, hot_until_ms);
	if (age.class != AGE_FRESH && !stored_only && !refreshing) {
		refresh_in_background(t, l->target, x->head.path, l->key);
	}
	orders_tell_seen(w->orders, l->target, l->mtime_ns);
	answer_count(r, METRICS_LOOKUP_STORE);
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
		answer_count(r, METRICS_LOOKUP_FAILED);
		exchange_send(x, r);
		reply_unref(&r);
		goto out;
	}
	if (p != NULL && p->download != NULL && !stored_only && download_suits(&x->head)) {
		send_download(p, x);
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
