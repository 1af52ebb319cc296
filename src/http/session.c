/* SPDX-License-Identifier: Apache-2.0 */
#include "http/session.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "http/admit.h"
#include "http/exchange_internal.h"
#include "http/h2.h"
#include "http/pace.h"
#include "http/refusal.h"
#include "http/server_internal.h"
#include "http/tally.h"

/* A request body nobody reads is thrown away up to this size; a longer one costs the connection. */
#define SESSION_SKIP_MAX (64u << 10)
/* Pipelined input kept while an answer is awaited. */
#define SESSION_AHEAD_MAX (64u << 10)
/* Answers to pipelined requests collected for one send. */
#define SESSION_BATCH (64u << 10)
/* Input of all sessions of a loop that is kept for later: unfinished heads, pipelined requests. Beyond it who
 * sends an unfinished head and has sent much of it is cut. */
#define SESSION_HELD_MAX  (4u << 20)
#define SESSION_HELD_MUCH (4u << 10)
/* Input thrown away after our side is closed. */
#define SESSION_LINGER_MAX (512u << 10)

static void on_io(void *arg, unsigned events);
static void on_growth(struct growth_waiter *w);

struct session *session_start(struct server *sv, int fd, const struct address *peer,
			      enum listener_kind kind)
{
	struct session *s = check_calloc(1, sizeof *s);

	s->server = sv;
	transport_init(&s->wire, fd, kind == LISTENER_TLS ? sv->options.tls : NULL);
	s->peer = *peer;
	s->stranger = true;
	s->sniff = kind != LISTENER_PLAIN;
	s->strange = kind == LISTENER_H2C;
	s->in = BUF_MAX(HEAD_MAX_BYTES + sv->options.body_max + SESSION_AHEAD_MAX + SERVER_INBOX);
	list_init(&s->node);
	list_init(&s->resume);
	list_init(&s->greet);
	list_init(&s->growing.node);
	s->growing.on_more = on_growth;
	s->io = loop_io_new(sv->loop, fd, on_io, s);
	loop_io_news_only(s->io);
	server_add(s);
	server_wait(s, SESSION_HEAD);
	loop_io_want(s->io, LOOP_READ);
	return s;
}

void session_account(struct session *s)
{
	size_t held = s->in.cap + (s->h2 != NULL ? s->h2->head.cap : 0);

	s->server->held += held - s->held;
	s->held = held;
}

bool session_holds_too_much(const struct session *s)
{
	size_t n = s->h2 != NULL ? s->h2->head.n : s->in.n;

	return s->server->held > SESSION_HELD_MAX && n >= SESSION_HELD_MUCH;
}

static void drop_outbound(struct session *s)
{
	if (s->out == NULL) return;
	outbound_deinit(s->out);
	free(s->out);
	s->out = NULL;
}

static void end(struct session *s, bool truncated)
{
	struct live *v = s->live;

	MG_ASSERT(s->server->serving != s);
	loop_io_free(&s->io);
	transport_close(&s->wire, truncated);
	growth_leave(&s->growing);
	drop_outbound(s);
	pages_forget(&s->job);
	buf_deinit(&s->in);
	if (s->h2 != NULL) h2_free(s);
	session_account(s);
	server_remove(s);
	free(s);
	if (v != NULL) exchange_gone(v);
}

void session_cut(struct session *s)
{
	end(s, s->out != NULL || (s->h2 != NULL && h2_is_busy(s->h2)));
}

/* All is answered and the session is closing. False when it is gone. */
static bool close_gently(struct session *s)
{
	if (!s->linger) {
		end(s, false);
		return false;
	}
	transport_finish(&s->wire);
	buf_deinit(&s->in);
	session_account(s);
	s->more = false;
	server_wait(s, SESSION_LINGER);
	loop_io_want(s->io, LOOP_READ);
	if (s->unread) turn_soon(s);
	return true;
}

bool session_finish(struct session *s, bool linger)
{
	h2_free(s);
	s->closing = true;
	s->linger = linger;
	return close_gently(s);
}

/* What there is to send does not depend on the peer now, who may leave, or ask for more. */
static bool is_listening(const struct session *s)
{
	return s->out != NULL ? s->wait == SESSION_GROWTH : s->live != NULL;
}

static void listen_on(struct session *s)
{
	bool room = s->in.n < SESSION_AHEAD_MAX && s->server->held < SESSION_HELD_MAX;

	loop_io_want(s->io, room ? LOOP_READ : 0);
	if (room && s->unread) turn_soon(s);
}

/* Puts the session where it has to wait, after anything happened. False when it is gone. */
static bool settle(struct session *s)
{
	session_account(s);
	if (s->out != NULL) {
		if (s->wait == SESSION_GROWTH)
			listen_on(s);
		else
			loop_io_want(s->io, s->wait == SESSION_DISK ? 0 : LOOP_WRITE);
		return true;
	}
	if (s->live != NULL) {
		if (s->wait != SESSION_HANDLER) server_wait(s, SESSION_HANDLER);
		listen_on(s);
		return true;
	}
	if (!s->more && session_holds_too_much(s)) {
		metrics_add(METRICS_EVICTED, 1);
		session_cut(s);
		return false;
	}
	bool idle = s->in.n == 0 && s->skip == 0;
	if (s->closing || (idle && s->server->hurried)) return close_gently(s);
	if (s->more || s->unread) turn_soon(s);
	if (s->in.n == 0) {
		if (s->in.cap > 0) {
			buf_deinit(&s->in);
			session_account(s);
		}
		/* A body that drips does not get more time for it. */
		if (s->skip == 0)
			server_wait(s, SESSION_IDLE);
		else if (s->wait != SESSION_HEAD)
			server_wait(s, SESSION_HEAD);
	} else if (s->wait != SESSION_HEAD) {
		server_wait(s, SESSION_HEAD);
	}
	loop_io_want(s->io, LOOP_READ);
	return true;
}

static void on_pages(void *arg, bool ran);

static void read_pages(struct session *s)
{
	uint64_t from, to;

	outbound_window(s->out, &from, &to);
	server_wait(s, SESSION_DISK);
	s->job = pages_read(s->server->options.fs_lane, s->server->loop, s->out->reply, from, to,
			    on_pages, s);
	/* When the lane is full the server's tick tries again. */
}

static void await_growth(struct session *s)
{
	server_wait(s, SESSION_GROWTH);
	growth_wait(s->out->reply->file->growth, &s->growing);
}

/* Sends when the loop says that the peer takes bytes: many may have waited for the same. */
static void on_growth(struct growth_waiter *w)
{
	struct session *s = LIST_OWNER(w, struct session, growing);

	pace_begin(s);
	loop_io_want(s->io, LOOP_WRITE);
}

/* Sends from s->out. False when the session is gone. */
static bool push(struct session *s)
{
	bool progress;
	enum outbound_result result =
		outbound_push(s->out, &s->wire, s->server->options.fs_lane != NULL, &progress);

	switch (result) {
	case OUTBOUND_DONE:
		drop_outbound(s);
		break;
	case OUTBOUND_FULL:
		if (s->wait != SESSION_WRITE) pace_begin(s);
		break;
	case OUTBOUND_DISK:
		read_pages(s);
		break;
	case OUTBOUND_WAIT:
		await_growth(s);
		break;
	case OUTBOUND_BROKEN:
		session_cut(s);
		return false;
	}
	return settle(s);
}

static void on_pages(void *arg, bool ran)
{
	struct session *s = arg;
	uint64_t from, to;

	s->job = NULL;
	if (!ran) return; /* the tick tries again */
	/* Not asked again: were they evicted at once, asking would go on for ever. */
	outbound_window(s->out, &from, &to);
	s->out->resident_to = to;
	push(s);
}

void session_retry_disk(struct session *s)
{
	if (s->job == NULL) push(s);
}

void session_answered(struct session *s)
{
	push(s);
}

/* Sends what the requests just served were answered. False when the session is gone. */
static bool flush(struct session *s)
{
	struct outbound *o = &s->server->out;
	bool progress;

	if (outbound_empty(o)) return settle(s);
	enum outbound_result result =
		outbound_push(o, &s->wire, s->server->options.fs_lane != NULL, &progress);
	if (result == OUTBOUND_DONE) return settle(s);
	s->out = check_malloc(sizeof *s->out);
	outbound_move(o, s->out);
	if (result == OUTBOUND_BROKEN) {
		session_cut(s);
		return false;
	}
	if (result == OUTBOUND_DISK)
		read_pages(s);
	else if (result == OUTBOUND_WAIT)
		await_growth(s);
	else
		pace_begin(s);
	return settle(s);
}

/* Answers a request that is none, and closes. */
static void refuse(struct session *s, int status, const char *reason)
{
	struct server *sv = s->server;
	char id[EXCHANGE_ID_SIZE];

	server_next_id(sv, id);
	struct reply *r = refusal_new(status, reason, id);
	outbound_add(&sv->out, r,
		     &(struct outbound_how){ .verdict = CONDITIONAL_FULL,
					     .date = server_date(sv),
					     .id = id,
					     .id_field = true,
					     .server = sv->options.fields,
					     .connection = SPAN("Connection: close\r\n") });
	tally_answer(r, CONDITIONAL_FULL, 0);
	metrics_add(METRICS_BAD_HEADS, 1);
	reply_unref(&r);
	s->closing = s->linger = true;
}

static struct live *next_live(struct server *sv)
{
	struct live *v = sv->spare;

	if (v == NULL) v = check_calloc(1, sizeof *v);
	sv->spare = NULL;
	return v;
}

static void handle(struct session *s, struct live *v, struct mg_span body)
{
	struct server *sv = s->server;
	const struct head *h = &v->x.head;

	v->x.body = body;
	v->x.arena = ARENA_INIT;
	v->x.user = NULL;
	v->x.on_gone = NULL;
	v->session = s;
	v->server = sv;
	v->since_ms = loop_now_ms(sv->loop);
	v->kept = 0;
	v->parked = false;
	server_next_id(sv, v->x.id);
	s->live = v;
	s->stranger = false;
	/* A pipeline may never run empty: what comes behind this request is a head of its own time. */
	if (s->wait == SESSION_HEAD) server_wait(s, SESSION_HEAD);
	/* Never read body bytes as a request: where they cannot be counted out, nothing follows. */
	if (body.p != NULL)
		s->skip = 0;
	else if (h->chunked || h->expect_continue || h->content_length > SESSION_SKIP_MAX)
		s->closing = s->linger = true;
	else
		s->skip = h->content_length;
	if (admit_request(v)) sv->handler(&v->x, sv->arg);
	MG_ASSERT(s->live == NULL || v->parked);
}

/* Serves the requests in bytes, in order, until one is incomplete or must be waited for. Returns
 * what is left. */
static struct mg_span serve(struct session *s, struct mg_span bytes)
{
	struct server *sv = s->server;
	int status;
	const char *reason;

	s->more = false;
	while (bytes.n > 0 && bytes.n >= s->needed && !s->closing) {
		if (s->skip > 0) {
			size_t n = s->skip < bytes.n ? (size_t)s->skip : bytes.n;
			s->skip -= n;
			bytes = span_from(bytes, n);
			continue;
		}
		if (s->live != NULL || !outbound_open(&sv->out) ||
		    sv->out.bytes.n > SESSION_BATCH) {
			s->more = true;
			break;
		}
		struct live *v = next_live(sv);
		size_t used;
		enum head_result result =
			head_parse(bytes, &s->scanned, &v->x.head, &used, &status, &reason);
		if (result != HEAD_DONE) {
			sv->spare = v;
			if (result == HEAD_BAD && s->strange)
				s->closing = s->linger = true;
			else if (result == HEAD_BAD)
				refuse(s, status, reason);
			break;
		}
		s->scanned = 0;
		s->strange = false;
		const size_t length = server_body_length(sv, &v->x.head);
		s->needed = length > 0 ? used + length : 0;
		sv->spare = bytes.n < s->needed ? v : NULL;
		if (sv->spare != NULL) break;
		s->needed = 0;
		handle(s, v, span_make(length > 0 ? bytes.p + used : NULL, length));
		used += length;
		bytes = span_from(bytes, used);
	}
	if (s->closing && (bytes.n > 0 || s->skip > 0)) s->linger = true;
	return bytes;
}

static void serve_and_send(struct session *s, struct mg_span fresh)
{
	struct server *sv = s->server;
	struct mg_span left;

	sv->serving = s;
	if (s->in.n == 0) {
		left = serve(s, fresh);
		if (left.n > 0) buf_append(&s->in, left);
	} else {
		buf_append(&s->in, fresh);
		MG_ASSERT(!buf_failed(&s->in));
		left = serve(s, buf_span(&s->in));
		buf_consume(&s->in, s->in.n - left.n);
		/* The answer may be long in coming. */
		if (s->in.n == 0) buf_deinit(&s->in);
	}
	sv->serving = NULL;
	flush(s);
}

static void linger(struct session *s, size_t n)
{
	s->lingered += (uint32_t)n;
	if (s->lingered > SESSION_LINGER_MAX)
		end(s, false);
	else if (s->unread)
		turn_later(s);
	else
		loop_io_want(s->io, LOOP_READ);
}

static ssize_t receive(struct session *s)
{
	if (transport_greets(&s->wire)) return greeting_receive(s);
	return transport_recv(&s->wire, s->server->inbox, SERVER_INBOX);
}

static void tell_fault(const struct session *s)
{
	char peer[ADDRESS_TEXT_SIZE];

	if (s->wire.tls == NULL || !log_enabled(LOG_LEVEL_DEBUG)) return;
	address_format(&s->peer, peer);
	log_debug("TLS failed", LOG_S("peer", peer), LOG_S("reason", tlsconn_fault(s->wire.tls)));
}

/* Nothing could be read, for now or for ever. */
static void not_readable(struct session *s)
{
	const int why = errno;

	if (why != EAGAIN) tell_fault(s);
	if (why == EAGAIN) {
		loop_io_want(s->io, LOOP_READ | (transport_wants_write(&s->wire) ? LOOP_WRITE : 0));
		if (s->unread) turn_soon(s);
	} else if (why == EPROTO && !is_listening(s)) {
		/* It was told why; a reset would take that from it. */
		s->closing = s->linger = s->unread = true;
		close_gently(s);
	} else {
		session_cut(s);
	}
}

/* What it speaks was agreed on in the handshake, or else the peer's first bytes tell (RFC 9113 §3.2 to
 * §3.4): "PRI " begins no request that is answered here. */
static void sniff(struct session *s, struct mg_span fresh)
{
	const struct mg_span preface = SPAN("PRI ");
	const struct tlsconn *tls = s->wire.tls;

	buf_append(&s->in, fresh);
	if (tls == NULL && s->in.n < preface.n && span_has_prefix(preface, buf_span(&s->in))) {
		settle(s);
		return;
	}
	s->sniff = false;
	struct mg_buf bytes = s->in;
	s->in = BUF_MAX(bytes.max);
	if (tls != NULL ? tlsconn_h2(tls) : span_has_prefix(buf_span(&bytes), preface)) {
		h2_start(s);
		h2_take(s, buf_span(&bytes));
	} else {
		serve_and_send(s, buf_span(&bytes));
	}
	buf_deinit(&bytes);
}

static void on_readable(struct session *s)
{
	struct server *sv = s->server;

	s->unread = false;
	ssize_t n = receive(s);
	if (n == SERVER_INBOX || (n > 0 && s->hangup) || transport_pending(&s->wire))
		s->unread = true;
	if (n < 0) {
		not_readable(s);
		return;
	}
	if (n == 0) {
		session_cut(s);
		return;
	}
	struct mg_span fresh = span_make(sv->inbox, (size_t)n);
	if (s->wait == SESSION_LINGER) {
		linger(s, fresh.n);
	} else if (is_listening(s)) {
		/* While a parked exchange is answered the next requests wait here. */
		buf_append(&s->in, fresh);
		MG_ASSERT(!buf_failed(&s->in));
		s->more = true;
		settle(s);
	} else {
		/* The time of a head runs from its first byte. */
		if (s->in.n == 0 && s->wait == SESSION_HEAD && s->skip == 0)
			server_wait(s, SESSION_HEAD);
		if (s->sniff)
			sniff(s, fresh);
		else
			serve_and_send(s, fresh);
	}
}

void session_resume(struct session *s)
{
	/* Sending: when that is done the loop tells anew what there is to read. */
	if (s->h2 != NULL)
		h2_resume(s);
	else if (s->out != NULL && !is_listening(s))
		s->unread = transport_pending(&s->wire);
	else if (s->more && !is_listening(s))
		serve_and_send(s, (struct mg_span){ 0 });
	else if (s->unread && (s->in.n < SESSION_AHEAD_MAX || s->in.n < s->needed))
		on_readable(s);
}

/* Nobody waits for us, or others come first. */
static bool is_for_later(const struct session *s, unsigned events)
{
	if (s->wait == SESSION_WRITE) return false;
	return s->stranger || s->hangup || s->wait == SESSION_LINGER || (events & LOOP_BROKEN);
}

static void on_io(void *arg, unsigned events)
{
	struct session *s = arg;

	if (events & LOOP_HANGUP) {
		s->hangup = true;
		transport_hangup(&s->wire);
	}
	if (is_for_later(s, events)) {
		if (events & LOOP_BROKEN) loop_io_want(s->io, 0);
		s->unread = true;
		turn_later(s);
		return;
	}
	if (s->h2 != NULL) {
		h2_on_io(s, events);
		return;
	}
	if (s->out != NULL && !is_listening(s)) {
		if (s->wait == SESSION_WRITE) push(s);
	} else if (s->more && !is_listening(s)) {
		/* First what is at hand, or the peer's end would come before its requests. */
		s->unread = true;
		turn_soon(s);
	} else {
		on_readable(s);
	}
}

bool session_expire(struct session *s)
{
	if (s->wait == SESSION_WRITE && pace_kept(s)) return false;
	if (s->h2 != NULL) {
		h2_expire(s);
	} else if (s->wait == SESSION_HEAD && s->in.n > 0 && s->skip == 0 && !s->more) {
		refuse(s, 408, "the request head did not arrive in time");
		flush(s);
	} else {
		session_cut(s);
	}
	return true;
}

/* A request that lies in the socket was asked before we went. Who is being greeted comes to ask. */
static bool has_asked(const struct session *s)
{
	char byte;

	if (s->wire.tls != NULL && (s->unread || tlsconn_begun(s->wire.tls))) return true;
	return recv(s->wire.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void session_drain(struct session *s)
{
	if (s == s->server->serving) return;
	if (s->h2 != NULL)
		h2_leave(s);
	else if (s->wait == SESSION_IDLE && !has_asked(s))
		session_cut(s);
	/* A new connection was made to ask something, which is on its way: SERVER_NEWCOMER_MS. */
}
