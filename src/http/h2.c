/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/h2stream.h"
#include "http/pace.h"
#include "http/server_internal.h"
#include "record/metrics.h"

#define STREAMS_MAX 100
/* Answers to PING and SETTINGS that a peer lets pile up, and entries of one SETTINGS frame (T33). */
#define ACKS_MAX     100
#define SETTINGS_MAX 8
/* Frames that wait to be sent, beside DATA: several for each stream that may be open. Who reads nothing and goes on
 * having streams refused would be charged for the resets only when they are sent, which is never. */
#define QUEUE_MAX 1000
/* Not more than this lies unsent in the kernel, or a small answer would stand behind a large one's. */
#define NOTSENT_BYTES (128u << 10)

/* Bytes of frames for one send, in place of H2_BATCH. While there are always more: as many as a socket takes that has
 * said that it takes any (see above), so that little has to be kept for those who read slowly. */
#define BULK (48u << 10)
/* And while little is to be kept of what they do not take. */
#define ONE_FRAME 1u

/* Streams that are looked at for one whose connection only owes us something: others of it may be at work. */
#define DEBTOR_LOOKS 16
/* Of what sockets did not take this much is kept; beyond it a connection gets no more than a frame at a time. */
#define UNSENT_MAX (8u << 20)

/* --- what the connections of a server share --- */

static struct h2kit *kit_of(struct server *sv)
{
	struct h2kit *kit = sv->h2;

	if (kit != NULL) return kit;
	kit = sv->h2 = check_calloc(1, sizeof *kit);
	MG_ASSERT(nghttp2_session_callbacks_new(&kit->callbacks) == 0);
	MG_ASSERT(nghttp2_option_new(&kit->option) == 0);
	h2stream_callbacks(kit->callbacks);
	nghttp2_option_set_max_outbound_ack(kit->option, ACKS_MAX);
	nghttp2_option_set_max_settings(kit->option, SETTINGS_MAX);
	/* The guard counts them: nghttp2 before 1.70 counts the pieces in which they arrive. */
	nghttp2_option_set_max_continuations(kit->option, SIZE_MAX);
	nghttp2_option_set_no_closed_streams(kit->option, true);
	kit->out = check_malloc(H2_BATCH + H2_PIECE);
	kit->head = BUF_MAX(HEAD_MAX_BYTES);
	list_init(&kit->bodies);
	list_init(&kit->answers);
	list_init(&kit->disks);
	return kit;
}

void h2_kit_free(struct server *sv)
{
	struct h2kit *kit = sv->h2;

	if (kit == NULL) return;
	sv->h2 = NULL;
	nghttp2_session_callbacks_del(kit->callbacks);
	nghttp2_option_del(kit->option);
	free(kit->out);
	buf_deinit(&kit->head);
	free(kit);
}

/* False: the time for it is over, see server_expire. */
static bool expire_first(struct server *sv, struct list *streams, uint32_t limit_ms,
			 uint64_t until_us)
{
	uint64_t now = loop_now_ms(sv->loop);
	struct list *first;

	while ((first = list_first(streams)) != NULL) {
		struct h2stream *st = LIST_OWNER(first, struct h2stream, wait);
		if (now - st->since_ms < limit_ms) break;
		h2stream_expire(st, now);
		if (clock_mono_us() >= until_us) return false;
	}
	return true;
}

bool h2_expire_streams(struct server *sv, uint64_t until_us)
{
	const struct server_options *o = &sv->options;

	return sv->h2 == NULL ||
	       (expire_first(sv, &sv->h2->bodies, o->header_timeout_ms, until_us) &&
		expire_first(sv, &sv->h2->answers, o->stall_timeout_ms, until_us));
}

void h2_retry_disk(struct server *sv)
{
	if (sv->h2 != NULL) h2stream_retry_disk(sv->h2);
}

/* --- a connection --- */

void h2_start(struct session *s)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEAD_MAX_BYTES },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};
	const int notsent = NOTSENT_BYTES;
	struct h2kit *kit = kit_of(s->server);
	struct h2 *h = check_calloc(1, sizeof *h);

	s->h2 = h;
	h->session = s;
	list_init(&h->streams);
	h->left = BUF_MAX(H2_BATCH + H2_PIECE);
	h2guard_init(&h->guard, loop_now_ms(s->server->loop));
	MG_ASSERT(nghttp2_session_server_new2(&h->ng, kit->callbacks, h, kit->option) == 0);
	nghttp2_submit_settings(h->ng, NGHTTP2_FLAG_NONE, settings,
				sizeof settings / sizeof settings[0]);
	h->more = true;
	metrics_add(METRICS_H2_CONNECTIONS, 1);
	setsockopt(s->wire.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent, sizeof notsent);
}

static void drop_left(struct h2 *h)
{
	h->session->server->unsent -= h->left.cap;
	buf_deinit(&h->left);
	h->left_sent = 0;
}

void h2_free(struct session *s)
{
	struct h2 *h = s->h2;

	h->gone = true;
	while (!list_empty(&h->streams))
		h2stream_end(LIST_OWNER(list_first(&h->streams), struct h2stream, node));
	nghttp2_session_del(h->ng);
	buf_deinit(&h->head);
	drop_left(h);
	free(h);
	s->h2 = NULL;
}

bool h2_is_busy(const struct h2 *h)
{
	return !list_empty(&h->streams) || h->left.n > 0;
}

/* Ends it with a GOAWAY, at once. */
static void terminate(struct h2 *h, uint32_t error_code)
{
	if (h->over) return;
	h->over = h->more = true;
	nghttp2_session_terminate_session(h->ng, error_code);
}

void h2_calm(struct h2 *h, enum metrics_flood flood)
{
	if (!h->calm) h->flood = flood;
	h->calm = true;
}

static void too_much(struct h2 *h)
{
	if (!h->over) metrics_add(METRICS_H2_FLOODS + h->flood, 1);
	terminate(h, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* --- sending --- */

static enum session_wait wait_of(const struct h2 *h)
{
	if (h->left.n > 0 || h->bulk) return SESSION_WRITE;
	if (!h->greeted || h2guard_in_head(&h->guard)) return SESSION_HEAD;
	return list_empty(&h->streams) ? SESSION_IDLE : SESSION_HANDLER;
}

static void give_head_back(struct h2 *h, struct h2kit *kit)
{
	if (h->head.cap == 0) return;
	if (kit->head.cap > 0) {
		buf_deinit(&h->head);
		return;
	}
	kit->head = h->head;
	h->head = (struct mg_buf){ 0 };
}

/* Puts the session where it has to wait. False when it is gone. */
static bool settle(struct session *s)
{
	struct h2 *h = s->h2;

	if (h->left.n == 0 && !h->more && !nghttp2_session_want_read(h->ng) &&
	    !nghttp2_session_want_write(h->ng))
		return session_finish(s, h->over || s->over_quota);
	/* Time runs anew with each request; a PING is none. */
	enum session_wait wait = wait_of(h);
	if (wait == SESSION_WRITE) {
		if (s->wait != wait) pace_begin(s);
	} else if (wait != s->wait || h->seen != h->guard.newest) {
		server_wait(s, wait);
	}
	h->seen = h->guard.newest;
	if (!h2guard_in_head(&h->guard)) give_head_back(h, s->server->h2);
	session_account(s);
	bool writes = h->left.n > 0 || h->more || transport_wants_write(&s->wire);
	loop_io_want(s->io, LOOP_READ | (writes ? LOOP_WRITE : 0));
	if (s->unread) turn_soon(s);
	return true;
}

/* Frames for one send, into kit->out. False: nghttp2 gave up. */
static bool collect(struct h2 *h, struct h2kit *kit)
{
	const uint8_t *piece;
	ssize_t n;

	kit->out_n = 0;
	kit->out_max = h->bulk ? BULK : H2_BATCH;
	if (h->session->server->unsent > UNSENT_MAX) kit->out_max = ONE_FRAME;
	kit->full = false;
	while (!kit->full && (n = nghttp2_session_mem_send(h->ng, &piece)) != 0) {
		if (n < 0) return false;
		MG_ASSERT(kit->out_n + (size_t)n <= H2_BATCH + H2_PIECE);
		memcpy(kit->out + kit->out_n, piece, (size_t)n);
		kit->out_n += (size_t)n;
		kit->full = kit->out_n >= kit->out_max;
	}
	h->more = h->bulk = kit->full;
	return true;
}

/* How many bytes the socket took, which may be none. False: the connection is broken. */
static bool offer(struct session *s, struct mg_span bytes, size_t *taken)
{
	ssize_t n;

	do
		n = transport_send(&s->wire, bytes, false);
	while (n < 0 && errno == EINTR);
	*taken = n < 0 ? 0 : (size_t)n;
	s->h2->pushed += *taken;
	metrics_add(METRICS_SENT_BYTES, *taken);
	return n >= 0 || errno == EAGAIN;
}

/* False: the connection is broken. */
static bool send_left(struct session *s)
{
	struct h2 *h = s->h2;
	size_t taken;

	if (h->left.n == 0) return true;
	if (!offer(s, span_from(buf_span(&h->left), h->left_sent), &taken)) return false;
	h->left_sent += taken;
	if (h->left_sent < h->left.n) return true;
	drop_left(h);
	return true;
}

/* One batch, if the one before is gone. False: the connection is broken. */
static bool send_batch(struct session *s)
{
	struct h2 *h = s->h2;
	struct h2kit *kit = s->server->h2;
	size_t taken;

	if (!collect(h, kit)) return false;
	if (kit->out_n == 0) return true;
	struct mg_span out = span_make(kit->out, kit->out_n);
	if (!offer(s, out, &taken)) return false;
	if (taken == out.n) return true;
	buf_append(&h->left, span_from(out, taken));
	s->server->unsent += h->left.cap;
	return true;
}

/* writable: the socket has just said so. False when the session is gone. */
static bool flush(struct session *s, bool writable)
{
	struct h2 *h = s->h2;

	if (h->bulk && !writable && !h->over && !h->calm) return settle(s);
	if (!send_left(s) || (h->left.n == 0 && !send_batch(s))) {
		session_cut(s);
		return false;
	}
	if (h->calm) too_much(h);
	/* Whoever takes nothing is not told either. */
	if (h->over && h->left.n > 0) {
		session_cut(s);
		return false;
	}
	return settle(s);
}

/* --- receiving --- */

/* RFC 9113 §5.1, §5.1.1: nothing may come for a stream that was closed, or left out, unless we reset it
 * and the peer may not have heard yet. nghttp2 keeps no streams that are closed, and ignores it. */
static bool may_be_sent_to(const struct h2 *h, uint32_t id)
{
	/* Before our limits were acknowledged a stream may have been refused that was never opened. */
	if (!h->acknowledged || nghttp2_session_find_stream(h->ng, (int32_t)id) != NULL)
		return true;
	for (size_t i = 0; i < H2_RESETS_KEPT; i++)
		if (h->resets[i] == id) return true;
	return false;
}

/* False: the session is over. */
static bool give(struct h2 *h, struct mg_span bytes)
{
	struct server *sv = h->session->server;

	sv->serving = h->session;
	ssize_t n = nghttp2_session_mem_recv(h->ng, (const uint8_t *)bytes.p, bytes.n);
	sv->serving = NULL;
	if (n == NGHTTP2_ERR_FLOODED || nghttp2_session_get_outbound_queue_size(h->ng) > QUEUE_MAX)
		h2_calm(h, METRICS_FLOOD_UNSENT);
	if (h->calm)
		too_much(h);
	else if (n < 0)
		terminate(h, n == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? NGHTTP2_PROTOCOL_ERROR
							       : NGHTTP2_INTERNAL_ERROR);
	return !h->over;
}

static enum metrics_flood flood_of(const struct h2guard *g)
{
	static const enum metrics_flood kinds[H2GUARD_KINDS] = {
		[H2GUARD_CHATTER] = METRICS_FLOOD_CHATTER,
		[H2GUARD_RESETS] = METRICS_FLOOD_RESETS,
		[H2GUARD_FAULTS] = METRICS_FLOOD_FAULTS,
	};

	return g->continued > H2GUARD_CONTINUATIONS ? METRICS_FLOOD_HEAD : kinds[g->spent];
}

static void feed(struct h2 *h, struct mg_span bytes)
{
	uint64_t now_ms = loop_now_ms(h->session->server->loop);
	enum h2guard_verdict verdict;
	size_t given = 0, at = 0, frame = 0;

	if (h->over) return;
	h->more = true;
	do {
		verdict = h2guard_read(&h->guard, bytes, now_ms, &at, &frame);
		if (verdict == H2GUARD_ENOUGH) {
			h2_calm(h, flood_of(&h->guard));
			too_much(h);
			return;
		}
		if (verdict == H2GUARD_BROKEN) {
			terminate(h, NGHTTP2_PROTOCOL_ERROR);
			return;
		}
		size_t to = verdict == H2GUARD_ASK ? frame : bytes.n;
		if (to > given && !give(h, span_from(span_first(bytes, to), given))) return;
		given = to;
		if (verdict == H2GUARD_ASK && !may_be_sent_to(h, h->guard.asked)) {
			terminate(h, NGHTTP2_STREAM_CLOSED);
			return;
		}
	} while (verdict == H2GUARD_ASK);
}

bool h2_take(struct session *s, struct mg_span bytes)
{
	feed(s->h2, bytes);
	return flush(s, false);
}

/* False when the session is gone. */
static bool receive(struct session *s)
{
	struct server *sv = s->server;
	ssize_t n = transport_recv(&s->wire, sv->inbox, SERVER_INBOX);

	s->unread = n == SERVER_INBOX || (n > 0 && s->hangup) || transport_pending(&s->wire);
	if (n < 0 && errno == EAGAIN) return true;
	if (n <= 0) {
		session_cut(s);
		return false;
	}
	feed(s->h2, span_make(sv->inbox, (size_t)n));
	return true;
}

void h2_on_io(struct session *s, unsigned events)
{
	if ((events & LOOP_READ) && !receive(s)) return;
	flush(s, (events & LOOP_WRITE) != 0);
}

void h2_resume(struct session *s)
{
	if (s->unread && !receive(s)) return;
	flush(s, false);
}

/* --- its end --- */

void h2_expire(struct session *s)
{
	if (s->wait == SESSION_WRITE) {
		session_cut(s);
		return;
	}
	terminate(s->h2, s->wait == SESSION_IDLE ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
	flush(s, false);
}

void h2_leave(struct session *s)
{
	struct h2 *h = s->h2;

	if (h->goodbye != H2_STAYING || h->over) return;
	if (s->over_quota) {
		h2stream_last(h);
	} else {
		h->goodbye = H2_NOTICED;
		/* However long it was idle, its PING has a time of its own. */
		if (s->wait == SESSION_IDLE) server_wait(s, SESSION_IDLE);
		nghttp2_submit_shutdown_notice(h->ng);
		nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, NULL);
	}
	h->more = true;
	turn_soon(s);
}

struct session *h2_debtor(const struct server *sv, uint64_t since_ms)
{
	int looks = DEBTOR_LOOKS;

	if (sv->h2 == NULL) return NULL;
	LIST_EACH(it, &sv->h2->bodies)
	{
		const struct h2stream *st = LIST_OWNER(it, struct h2stream, wait);
		if (st->since_ms > since_ms || looks-- == 0) return NULL;
		if (st->h2->owed == st->h2->open) return st->h2->session;
	}
	return NULL;
}

void h2_part(struct session *s)
{
	terminate(s->h2, NGHTTP2_NO_ERROR);
	if (s->h2->left.n == 0) (void)send_batch(s);
}
