/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/acceptor.h"
#include "http/admit.h"
#include "http/h2.h"
#include "http/proxied.h"
#include "http/quota.h"
#include "http/server_internal.h"
#include "record/metrics.h"

/* How long a peer may take to close after us; it only protects the error text from a reset. */
#define SERVER_LINGER_MS 2000
/* How long an idle connection may take to hear that we go. */
#define SERVER_GOODBYE_MS 1000
/* How long after we go a head may take, and the first byte of a connection that is new. */
#define SERVER_NEWCOMER_MS 5000

const char *server_date(struct server *sv)
{
	uint64_t now_ms = loop_now_ms(sv->loop);

	if (now_ms != sv->date_ms) {
		int64_t now_s = clock_wall_s();
		sv->date_ms = now_ms;
		if (now_s != sv->date_s) httpdate_format(now_s, sv->date);
		sv->date_s = now_s;
	}
	return sv->date;
}

static void start_ids(struct server *sv)
{
	uint64_t random;

	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		random = clock_mono_us();
	for (int i = 0; i < EXCHANGE_ID_SIZE; i++, random >>= 4)
		sv->id[i] = "0123456789abcdef"[random & 15];
}

/* Counts up in the text itself: nearly always one digit changes. */
void server_next_id(struct server *sv, char out[EXCHANGE_ID_SIZE])
{
	for (int i = EXCHANGE_ID_SIZE - 1; i >= 0; i--) {
		if (sv->id[i] != 'f') {
			sv->id[i] = sv->id[i] == '9' ? 'a' : (char)(sv->id[i] + 1);
			break;
		}
		sv->id[i] = '0';
	}
	memcpy(out, sv->id, EXCHANGE_ID_SIZE);
}

void server_wait(struct session *s, enum session_wait wait)
{
	struct server *sv = s->server;

	list_remove(&s->node);
	list_append(&sv->waits[wait], &s->node);
	s->wait = wait;
	s->since_ms = loop_now_ms(sv->loop);
}

static void count_timeout(enum session_wait wait, bool greeted)
{
	if (greeted)
		metrics_add(METRICS_TIMED_OUT + METRICS_TIMEOUT_HANDSHAKE, 1);
	else if (wait == SESSION_IDLE)
		metrics_add(METRICS_TIMED_OUT + METRICS_TIMEOUT_IDLE, 1);
	else if (wait == SESSION_HEAD)
		metrics_add(METRICS_TIMED_OUT + METRICS_TIMEOUT_HEAD, 1);
	else if (wait == SESSION_WRITE)
		metrics_add(METRICS_TIMED_OUT + METRICS_TIMEOUT_WRITE, 1);
}

uint32_t server_head_ms(const struct server *sv)
{
	const uint32_t limit = sv->options.header_timeout_ms;

	return sv->hurried && limit > SERVER_NEWCOMER_MS ? SERVER_NEWCOMER_MS : limit;
}

static uint32_t limit_ms(const struct server *sv, enum session_wait wait)
{
	switch (wait) {
	case SESSION_IDLE:
		/* Whoever hears a GOAWAY and does not answer the PING behind it is gone. */
		return sv->hurried ? SERVER_GOODBYE_MS : sv->options.idle_timeout_ms;
	case SESSION_HEAD:
		return server_head_ms(sv);
	case SESSION_WRITE:
		return sv->options.stall_timeout_ms;
	case SESSION_LINGER:
		return SERVER_LINGER_MS;
	case SESSION_HANDLER:
	case SESSION_DISK:
	case SESSION_GROWTH:
		break;
	}
	return UINT32_MAX;
}

static void expire(struct session *s, enum session_wait w)
{
	const bool greeted = w == SESSION_HEAD && transport_greets(&s->wire);

	if (session_expire(s)) count_timeout(w, greeted);
}

bool server_expire(struct server *sv, uint64_t until_us)
{
	uint64_t now = loop_now_ms(sv->loop);

	for (enum session_wait w = 0; w < SESSION_WAIT_COUNT; w++) {
		struct list *first;
		while ((first = list_first(&sv->waits[w])) != NULL) {
			struct session *s = LIST_OWNER(first, struct session, node);
			if (now - s->since_ms < limit_ms(sv, w)) break;
			expire(s, w);
			if (clock_mono_us() >= until_us) return false;
		}
	}
	return h2_expire_streams(sv, until_us);
}

static void retry_disk(struct server *sv)
{
	struct list disk, *first;

	list_init(&disk);
	list_take(&disk, &sv->waits[SESSION_DISK]);
	while ((first = list_first(&disk)) != NULL) {
		struct session *s = LIST_OWNER(first, struct session, node);
		list_remove(&s->node);
		list_append(&sv->waits[SESSION_DISK], &s->node);
		h1_retry_disk(s);
	}
}

static void on_tick(void *arg)
{
	struct server *sv = arg;

	turn_expire(sv);
	proxied_expire(sv);
	if (sv->connections >= sv->options.max_connections) acceptor_update(sv);
	h2_retry_disk(sv);
	retry_disk(sv);
}

static uint64_t tick_of(const struct server_options *o)
{
	uint32_t least = o->header_timeout_ms;

	if (o->idle_timeout_ms < least) least = o->idle_timeout_ms;
	if (o->stall_timeout_ms < least) least = o->stall_timeout_ms;
	least /= 4;
	return least < 5 ? 5 : least > 500 ? 500 : least;
}

static void on_drain_timer(void *arg)
{
	struct server *sv = arg;

	metrics_add(METRICS_DRAIN_CUT, sv->connections);
	for (int w = 0; w < SESSION_WAIT_COUNT; w++)
		while (!list_empty(&sv->waits[w]))
			session_cut(LIST_OWNER(list_first(&sv->waits[w]), struct session, node));
	if (sv->drained) return;
	sv->drained = true;
	loop_timer_stop(sv->drain_timer);
	sv->on_drained(sv->on_drained_arg);
}

void server_count(struct server *sv)
{
	sv->connections++;
	metrics_add(METRICS_CONNECTIONS, 1);
	if (!sv->ticking) loop_timer_start(sv->tick_timer, sv->tick_ms, sv->tick_ms);
	sv->ticking = true;
}

void server_uncount(struct server *sv)
{
	sv->connections--;
	metrics_add(METRICS_CONNECTIONS, (uint64_t)-1);
	acceptor_update(sv);
	if (sv->connections > 0) return;
	loop_timer_stop(sv->tick_timer);
	sv->ticking = false;
	if (sv->draining && !sv->drained) loop_timer_start(sv->drain_timer, 0, 0);
}

void server_add(struct session *s)
{
	server_count(s->server);
}

void server_remove(struct session *s)
{
	list_remove(&s->node);
	list_remove(&s->resume);
	list_remove(&s->holds);
	greeting_leave(s);
	admit_leave(s);
	server_uncount(s->server);
}

struct server *server_new(struct loop *l, const struct server_listener *listeners, size_t count,
			  const struct server_options *options, exchange_handler_fn *handler,
			  void *arg)
{
	struct server *sv = check_calloc(1, sizeof *sv);

	/* sendfile to a peer that left would end the process; it knows no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	sv->loop = l;
	sv->options = *options;
	sv->options.fields = span_make(
		check_strndup(options->fields.p ? options->fields.p : "", options->fields.n),
		options->fields.n);
	if (options->tls != NULL) tlsserver_ref(options->tls);
	sv->limits_requests = options->quota != NULL && quota_limits_requests(options->quota);
	sv->handler = handler;
	sv->arg = arg;
	for (int w = 0; w < SESSION_WAIT_COUNT; w++)
		list_init(&sv->waits[w]);
	list_init(&sv->proxied);
	list_init(&sv->holders);
	sv->tick_timer = loop_timer_new(l, on_tick, sv);
	sv->tick_ms = tick_of(options);
	sv->drain_timer = loop_timer_new(l, on_drain_timer, sv);
	sv->inbox = check_malloc(SERVER_INBOX);
	sv->out = (struct outbound){ .bytes = BUF_MAX(SIZE_MAX / 2) };
	sv->date_ms = UINT64_MAX;
	sv->date_s = INT64_MIN;
	start_ids(sv);
	turn_start(sv);
	greeting_start(sv);
	acceptor_start(sv, listeners, count);
	return sv;
}

size_t server_body_length(const struct server *sv, const struct head *h)
{
	const bool takes = h->method == HEAD_POST && sv->options.takes_body != NULL &&
			   !h->chunked && !h->expect_continue &&
			   h->content_length <= sv->options.body_max && sv->options.takes_body(h);
	return takes ? (size_t)h->content_length : 0;
}

void server_last_call(struct server *sv)
{
	sv->leaving = true;
}

static void stop_accepting(struct server *sv, loop_fn *on_drained, void *arg)
{
	server_last_call(sv);
	sv->draining = true;
	sv->on_drained = on_drained;
	sv->on_drained_arg = arg;
	acceptor_stop(sv);
}

/* retire: an idle HTTP/1.1 connection is told with its next answer. */
static void tell_all(struct server *sv, bool retire)
{
	for (int w = 0; w < SESSION_WAIT_COUNT; w++) {
		LIST_EACH_SAFE(it, &sv->waits[w])
		{
			struct session *s = LIST_OWNER(it, struct session, node);
			if (!retire || s->h2 != NULL) session_drain(s);
		}
	}
}

static void set_deadline(struct server *sv, uint64_t deadline_ms)
{
	loop_timer_start(sv->drain_timer, sv->connections == 0 ? 0 : deadline_ms, 0);
}

void server_drain(struct server *sv, uint64_t deadline_ms, loop_fn *on_drained, void *arg)
{
	MG_ASSERT(!sv->hurried);
	if (sv->drained) return;
	if (!sv->draining) {
		server_last_call(sv);
		acceptor_take_rest(sv);
	}
	stop_accepting(sv, on_drained, arg);
	sv->hurried = true;
	tell_all(sv, false);
	set_deadline(sv, deadline_ms);
}

void server_retire(struct server *sv, uint64_t deadline_ms, loop_fn *on_drained, void *arg)
{
	MG_ASSERT(!sv->draining);
	stop_accepting(sv, on_drained, arg);
	tell_all(sv, true);
	set_deadline(sv, deadline_ms);
}

void server_free(struct server **svp)
{
	struct server *sv = *svp;

	if (sv == NULL) return;
	*svp = NULL;
	MG_ASSERT(sv->serving == NULL);
	acceptor_stop(sv);
	sv->drained = true;
	proxied_cut_all(sv);
	for (int w = 0; w < SESSION_WAIT_COUNT; w++)
		while (!list_empty(&sv->waits[w]))
			session_cut(LIST_OWNER(list_first(&sv->waits[w]), struct session, node));
	greeting_stop(sv);
	turn_stop(sv);
	loop_timer_free(&sv->tick_timer);
	loop_timer_free(&sv->drain_timer);
	h2_kit_free(sv);
	outbound_deinit(&sv->out);
	free((void *)(uintptr_t)sv->options.fields.p);
	tlsserver_unref(&sv->options.tls);
	free(sv->spare);
	free(sv->inbox);
	free(sv);
}

void server_set_tls(struct server *sv, struct tlsserver *tls)
{
	tlsserver_ref(tls);
	tlsserver_unref(&sv->options.tls);
	sv->options.tls = tls;
}

size_t server_connections(const struct server *sv)
{
	return sv->connections;
}
