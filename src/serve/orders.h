/* SPDX-License-Identifier: Apache-2.0 */
/* What one worker has asked of the fetch process and not yet heard of: sends orders over the channel,
 * hands out results, keeps orders over a restart of fetch, and bounds every wait. Loop thread only. */
#ifndef SERVE_ORDERS_H
#define SERVE_ORDERS_H

#include "base/map.h"
#include "fetch/ticket.h"
#include "loop/loop.h"

struct orders;
struct order;

/* Exactly once for each order placed and not canceled, never from inside orders_place. A failure of
 * ours (fetch gone, deadline) looks like one of fetch's. The order is no longer open when called. */
typedef void order_result_fn(struct order *o, const struct ticket *result);
/* A stream or its progress (fetch/ticket.h); what is taken of fds is set to -1. The order may be canceled
 * inside. */
typedef void order_news_fn(struct order *o, const struct ticket *news, int *fds, size_t fd_count);
/* The fetch that streamed is gone; the next one begins anew. The order may be canceled inside. */
typedef void order_lost_fn(struct order *o);

struct order {
	/* The owner's to set; the spans live as long as the order is open. */
	uint32_t flags;
	enum target_kind kind;
	struct mg_span path, version, request_id, via;
	const int *fd; /* goes along with it; NULL: none does */
	order_result_fn *on_result;
	order_news_fn *on_news; /* NULL: not wanted */
	order_lost_fn *on_lost; /* with on_news */
	/* orders' own */
	struct orders *orders; /* NULL while not open */
	struct map_node by_id;
	struct link *link; /* where it was sent; NULL: it waits to be */
	uint32_t id;
	unsigned tries;
	uint64_t since_ms;
};

struct orders *orders_new(struct loop *l, uint32_t timeout_ms);
/* Called when fetch says that something stored was damaged: what is held ready may be it. */
void orders_on_forget(struct orders *os, loop_fn *fn, void *arg);
/* From now on nothing is heard of fetch: open orders, and those placed later, are dropped without a word. */
void orders_close(struct orders *os);
void orders_free(struct orders **os); /* the same */
/* A channel to fetch, taken over. What waits is sent, and so is what will come; what was sent over the
 * channel before may still be answered there, or be given back for this one. */
void orders_connect(struct orders *os, int channel_fd);
bool orders_connected(const struct orders *os);
void orders_place(struct orders *os, struct order *o);
/* Something was asked for and found stored, since mtime_ns: fetch, which may have got it ahead, is told if
 * that was a short time ago. */
void orders_tell_seen(struct orders *os, const struct target *t, int64_t mtime_ns);
/* Nobody waits for it any more. Nothing happens when it is not open. */
void orders_cancel(struct order *o);

#endif
