/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/orders.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "loop/channel.h"

#define TICK_MS         1000
#define CHANNEL_WAIT_MS 5000
/* What was stored this short a time ago may be a guess of fetch's, which wants to hear of it. */
#define JUST_FETCHED_MS (5 * 60 * 1000)
/* An order outlives one crash of fetch; what crashes it twice is answered 502. */
#define TRIES_MAX 2

/* Of messages that fetch does not take: then further orders wait here, where they are bounded by the
 * requests there are, and can be given up without another message. */
#define ORDERS_AHEAD_MAX (1u << 20)

/* A channel and the orders that were sent over it. */
struct link {
	struct orders *orders;
	struct channel *channel;
	size_t open;
	struct list node; /* in old */
};

struct orders {
	struct loop *loop;
	struct link *link; /* NULL: none */
	struct list old;   /* to a fetch that is going; each with open orders */
	struct loop_timer *tick;
	struct map by_id;
	uint32_t next_id;
	uint32_t timeout_ms;
	loop_fn *on_forget; /* may be NULL */
	void *on_forget_arg;
};

static struct order *order_of(struct map_node *node)
{
	return LIST_OWNER(node, struct order, by_id);
}

/* --- links --- */

static void link_free(struct link *k)
{
	list_remove(&k->node);
	channel_free(&k->channel);
	free(k);
}

/* An old link ends with its last order, which its fetch waits for. */
static void leave_link(struct order *o)
{
	struct link *k = o->link;
	if (k == NULL) return;
	o->link = NULL;
	k->open--;
	if (k->open == 0 && !list_empty(&k->node)) link_free(k);
}

/* --- orders --- */

static void close_order(struct order *o)
{
	leave_link(o);
	map_remove(&o->orders->by_id, &o->by_id);
	o->orders = NULL;
}

static void fail(struct order *o, const struct mg_err *err)
{
	close_order(o);
	o->on_result(o, &(struct ticket){
				.type = TICKET_RESULT,
				.id = o->id,
				.code = err->code,
				.cause = err->cause,
				.retry_after_s = err->retry_after_s,
				.text = span_of(err->text),
			});
}

static void send_ticket(struct link *k, const struct ticket *t, const int *fd)
{
	struct mg_buf message = BUF_MAX(CHANNEL_MESSAGE_MAX);
	ticket_encode(t, &message);
	channel_send(k->channel, buf_span(&message), fd, fd != NULL);
	buf_deinit(&message);
}

static void send_order(struct order *o)
{
	o->link = o->orders->link;
	o->link->open++;
	o->tries++;
	o->since_ms = loop_now_ms(o->orders->loop);
	send_ticket(o->link,
		    &(struct ticket){
			    .type = TICKET_ORDER,
			    .id = o->id,
			    .flags = o->flags,
			    .kind = o->kind,
			    .path = o->path,
			    .version = o->version,
			    .request_id = o->request_id,
			    .via = o->via,
		    },
		    o->fd);
}

static void send_if_waiting(struct map_node *node, void *arg)
{
	struct order *o = order_of(node);
	const struct link *k = o->orders->link;
	if (o->link == NULL && k != NULL && channel_queued(k->channel) < ORDERS_AHEAD_MAX)
		send_order(o);
}

static bool is_news(const struct ticket *t, size_t fd_count)
{
	if (t->type == TICKET_STREAM) return fd_count == TICKET_STREAM_FDS;
	return t->type == TICKET_PROGRESS;
}

/* Not done through no fault of its own: that try does not count. */
static void take_back(struct order *o)
{
	struct orders *os = o->orders;
	const bool elsewhere = o->link != os->link;
	leave_link(o);
	o->tries--;
	o->since_ms = loop_now_ms(os->loop);
	/* Who gives it back takes no more; the next one's channel is on its way. */
	if (elsewhere) send_if_waiting(&o->by_id, NULL);
	if (o->on_lost != NULL) o->on_lost(o);
}

static void on_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct link *k = arg;
	struct orders *os = k->orders;
	struct ticket result;
	const bool good = ticket_decode(message, &result);
	if (good && result.type == TICKET_FORGET) {
		if (os->on_forget != NULL) os->on_forget(os->on_forget_arg);
		return;
	}
	if (!good || (result.type != TICKET_RESULT && result.type != TICKET_BACK &&
		      !is_news(&result, fd_count))) {
		log_error("malformed message from fetch", LOG_I("bytes", message.n));
		return;
	}
	struct map_node *node = map_get(&os->by_id, span_make(&result.id, sizeof result.id));
	struct order *o = node != NULL ? order_of(node) : NULL;
	if (o == NULL || o->link != k) return; /* canceled in the meantime */
	if (result.type == TICKET_BACK) {
		take_back(o);
		return;
	}
	if (result.type != TICKET_RESULT) {
		/* Nobody has waited in vain yet. */
		o->since_ms = loop_now_ms(os->loop);
		if (o->on_news != NULL) o->on_news(o, &result, fds, fd_count);
		return;
	}
	close_order(o);
	o->on_result(o, &result);
}

/* Their fetch is gone: once more with the next one, but what killed two is not given to a third. */
static void requeue_or_fail(struct map_node *node, void *arg)
{
	struct order *o = order_of(node);
	if (o->link != arg) return;
	leave_link(o);
	if (o->tries < TRIES_MAX) {
		o->since_ms = loop_now_ms(o->orders->loop);
		if (o->on_lost != NULL) o->on_lost(o);
		return;
	}
	struct mg_err err;
	err_set(&err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM,
		"the fetch process ended twice while working on this; see its log");
	err.retry_after_s = 5;
	fail(o, &err);
}

static void on_closed(void *arg)
{
	struct link *k = arg;
	struct orders *os = k->orders;
	list_remove(&k->node);
	if (os->link == k) os->link = NULL;
	log_warn("fetch is gone", LOG_I("open_orders", k->open));
	map_each(&os->by_id, requeue_or_fail, k);
	link_free(k);
	map_each(&os->by_id, send_if_waiting, NULL);
}

void orders_connect(struct orders *os, int channel_fd)
{
	struct link *before = os->link;
	if (before != NULL && before->open == 0)
		link_free(before);
	else if (before != NULL)
		list_append(&os->old, &before->node);
	struct link *k = os->link = check_calloc(1, sizeof *k);
	k->orders = os;
	list_init(&k->node);
	k->channel = channel_new(os->loop, channel_fd, on_message, on_closed, k);
	map_each(&os->by_id, send_if_waiting, NULL);
}

bool orders_connected(const struct orders *os)
{
	return os->link != NULL;
}

static void check_deadline(struct map_node *node, void *arg)
{
	struct order *o = order_of(node);
	struct orders *os = o->orders;
	uint64_t waited = loop_now_ms(os->loop) - o->since_ms;
	struct mg_err err;
	if (o->link == NULL && waited >= CHANNEL_WAIT_MS) {
		err_set(&err, MG_UNAVAILABLE, MG_CAUSE_NONE,
			"the fetch process is being restarted or overloaded; what is stored is "
			"served meanwhile");
		err.retry_after_s = 5;
	} else if (o->link != NULL && waited >= os->timeout_ms) {
		err_set(&err, MG_TIMEOUT, MG_CAUSE_UPSTREAM, "no result from upstream within %u s",
			os->timeout_ms / 1000);
		send_ticket(o->link, &(struct ticket){ .type = TICKET_CANCEL, .id = o->id }, NULL);
	} else {
		return;
	}
	fail(o, &err);
}

static void on_tick(void *arg)
{
	struct orders *os = arg;
	map_each(&os->by_id, check_deadline, NULL);
	map_each(&os->by_id, send_if_waiting, NULL);
}

void orders_place(struct orders *os, struct order *o)
{
	do {
		o->id = os->next_id++;
		o->by_id.key = span_make(&o->id, sizeof o->id);
	} while (map_get(&os->by_id, o->by_id.key) != NULL);
	o->orders = os;
	o->tries = 0;
	o->link = NULL;
	o->since_ms = loop_now_ms(os->loop);
	map_put(&os->by_id, &o->by_id);
	send_if_waiting(&o->by_id, NULL);
}

void orders_tell_seen(struct orders *os, const struct target *t, int64_t mtime_ns)
{
	if (target_is_mutable(t->kind) || t->kind == TARGET_ZIP) return;
	if (clock_wall_ms() - mtime_ns / 1000000 >= JUST_FETCHED_MS) return;
	if (os->link == NULL || channel_queued(os->link->channel) >= ORDERS_AHEAD_MAX) return;
	send_ticket(os->link,
		    &(struct ticket){ .type = TICKET_SEEN,
				      .kind = t->kind,
				      .path = t->path,
				      .version = t->version },
		    NULL);
}

void orders_cancel(struct order *o)
{
	struct orders *os = o->orders;
	if (os == NULL) return;
	if (o->link != NULL)
		send_ticket(o->link, &(struct ticket){ .type = TICKET_CANCEL, .id = o->id }, NULL);
	close_order(o);
}

struct orders *orders_new(struct loop *l, uint32_t timeout_ms)
{
	struct orders *os = check_calloc(1, sizeof *os);
	os->loop = l;
	os->timeout_ms = timeout_ms;
	list_init(&os->old);
	os->tick = loop_timer_new(l, on_tick, os);
	loop_timer_start(os->tick, TICK_MS, TICK_MS);
	return os;
}

void orders_on_forget(struct orders *os, loop_fn *fn, void *arg)
{
	os->on_forget = fn;
	os->on_forget_arg = arg;
}

static void drop(struct map_node *node, void *arg)
{
	close_order(order_of(node));
}

void orders_close(struct orders *os)
{
	loop_timer_stop(os->tick);
	map_each(&os->by_id, drop, NULL); /* and with them the old links */
	if (os->link != NULL) link_free(os->link);
	os->link = NULL;
}

void orders_free(struct orders **os)
{
	if (*os == NULL) return;
	orders_close(*os);
	loop_timer_free(&(*os)->tick);
	map_deinit(&(*os)->by_id);
	free(*os);
	*os = NULL;
}
