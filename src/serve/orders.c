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

struct orders {
	struct loop *loop;
	struct channel *channel;
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

static void close_order(struct order *o)
{
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

static void send_ticket(struct orders *os, const struct ticket *t)
{
	struct mg_buf message = BUF_MAX(CHANNEL_MESSAGE_MAX);
	ticket_encode(t, &message);
	channel_send(os->channel, buf_span(&message), NULL, 0);
	buf_deinit(&message);
}

static void send_order(struct order *o)
{
	o->sent = true;
	o->tries++;
	o->since_ms = loop_now_ms(o->orders->loop);
	send_ticket(o->orders, &(struct ticket){
				       .type = TICKET_ORDER,
				       .id = o->id,
				       .flags = o->flags,
				       .kind = o->kind,
				       .path = o->path,
				       .version = o->version,
				       .request_id = o->request_id,
				       .via = o->via,
			       });
}

static void send_if_waiting(struct map_node *node, void *arg)
{
	struct order *o = order_of(node);
	struct channel *channel = o->orders->channel;
	if (!o->sent && channel != NULL && channel_queued(channel) < ORDERS_AHEAD_MAX)
		send_order(o);
}

static bool is_news(const struct ticket *t, size_t fd_count)
{
	if (t->type == TICKET_STREAM) return fd_count == TICKET_STREAM_FDS;
	return t->type == TICKET_PROGRESS;
}

static void on_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct orders *os = arg;
	struct ticket result;
	const bool good = ticket_decode(message, &result);
	if (good && result.type == TICKET_FORGET) {
		if (os->on_forget != NULL) os->on_forget(os->on_forget_arg);
		return;
	}
	if (!good || (result.type != TICKET_RESULT && !is_news(&result, fd_count))) {
		log_error("malformed message from fetch", LOG_I("bytes", message.n));
		return;
	}
	struct map_node *node = map_get(&os->by_id, span_make(&result.id, sizeof result.id));
	if (node == NULL) return; /* canceled in the meantime */
	struct order *o = order_of(node);
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
	if (!o->sent) return;
	if (o->tries < TRIES_MAX) {
		o->sent = false;
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
	struct orders *os = arg;
	channel_free(&os->channel);
	log_warn("fetch is gone", LOG_I("open_orders", os->by_id.count));
	map_each(&os->by_id, requeue_or_fail, NULL);
}

void orders_connect(struct orders *os, int channel_fd)
{
	if (os->channel != NULL) {
		channel_free(&os->channel);
		map_each(&os->by_id, requeue_or_fail, NULL);
	}
	os->channel = channel_new(os->loop, channel_fd, on_message, on_closed, os);
	map_each(&os->by_id, send_if_waiting, NULL);
}

bool orders_connected(const struct orders *os)
{
	return os->channel != NULL;
}

static void check_deadline(struct map_node *node, void *arg)
{
	struct order *o = order_of(node);
	struct orders *os = o->orders;
	uint64_t waited = loop_now_ms(os->loop) - o->since_ms;
	struct mg_err err;
	if (!o->sent && waited >= CHANNEL_WAIT_MS) {
		err_set(&err, MG_UNAVAILABLE, MG_CAUSE_NONE,
			"the fetch process is being restarted or overloaded; what is stored is "
			"served meanwhile");
		err.retry_after_s = 5;
	} else if (o->sent && waited >= os->timeout_ms) {
		err_set(&err, MG_TIMEOUT, MG_CAUSE_UPSTREAM, "no result from upstream within %u s",
			os->timeout_ms / 1000);
		send_ticket(os, &(struct ticket){ .type = TICKET_CANCEL, .id = o->id });
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
	o->sent = false;
	o->since_ms = loop_now_ms(os->loop);
	map_put(&os->by_id, &o->by_id);
	send_if_waiting(&o->by_id, NULL);
}

void orders_tell_seen(struct orders *os, const struct target *t, int64_t mtime_ns)
{
	if (target_is_mutable(t->kind) || t->kind == TARGET_ZIP) return;
	if (clock_wall_ms() - mtime_ns / 1000000 >= JUST_FETCHED_MS) return;
	if (os->channel == NULL || channel_queued(os->channel) >= ORDERS_AHEAD_MAX) return;
	send_ticket(os, &(struct ticket){ .type = TICKET_SEEN,
					  .kind = t->kind,
					  .path = t->path,
					  .version = t->version });
}

void orders_cancel(struct order *o)
{
	struct orders *os = o->orders;
	if (os == NULL) return;
	if (o->sent) send_ticket(os, &(struct ticket){ .type = TICKET_CANCEL, .id = o->id });
	close_order(o);
}

struct orders *orders_new(struct loop *l, uint32_t timeout_ms)
{
	struct orders *os = check_calloc(1, sizeof *os);
	os->loop = l;
	os->timeout_ms = timeout_ms;
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

void orders_free(struct orders **os)
{
	if (*os == NULL) return;
	channel_free(&(*os)->channel);
	loop_timer_free(&(*os)->tick);
	map_each(&(*os)->by_id, drop, NULL);
	map_deinit(&(*os)->by_id);
	free(*os);
	*os = NULL;
}
