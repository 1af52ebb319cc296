/* SPDX-License-Identifier: Apache-2.0 */
#include "http/session.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "http/exchange_internal.h"
#include "http/h2.h"
#include "http/pace.h"
#include "http/refusal.h"
#include "http/server_internal.h"
#include "record/metrics.h"

/* Who has sent so much of an unfinished head may be cut when there is more input than SERVER_HELD_MAX. */
#define SESSION_HELD_MUCH (4u << 10)
/* Input thrown away after our side is closed. */
#define SESSION_LINGER_MAX (512u << 10)

static void on_io(void *arg, unsigned events);

struct session *session_start(struct server *sv, int fd, const struct address *peer,
			      enum listener_kind kind)
{
	struct session *s = check_calloc(1, sizeof *s);

	s->server = sv;
	transport_init(&s->wire, fd, kind == LISTENER_TLS ? sv->options.tls : NULL);
	s->peer = *peer;
	s->stranger = true;
	s->sniff = kind != LISTENER_PLAIN;
	h1_start(s, kind == LISTENER_H2C);
	list_init(&s->node);
	list_init(&s->resume);
	list_init(&s->greet);
	list_init(&s->holds);
	s->io = loop_io_new(sv->loop, fd, on_io, s);
	loop_io_news_only(s->io);
	server_add(s);
	server_wait(s, SESSION_HEAD);
	loop_io_want(s->io, LOOP_READ);
	return s;
}

/* Of a head, or a body, that its peer has not finished: what it has sent is all here. */
static bool holds_much(const struct session *s)
{
	const struct h1 *h = &s->h1;

	if (s->unread) return false;
	if (s->h2 != NULL) return s->h2->head.n >= SESSION_HELD_MUCH;
	return h->live == NULL && h->out == NULL && !h->more && h->in.n >= SESSION_HELD_MUCH;
}

void session_account(struct session *s)
{
	size_t held = s->h1.in.cap + (s->h2 != NULL ? s->h2->head.cap : 0);

	s->server->held += held - s->held;
	s->held = held;
	if (!holds_much(s)) {
		list_remove(&s->holds);
		return;
	}
	if (list_empty(&s->holds)) list_append(&s->server->holders, &s->holds);
	if (s->server->held > SERVER_HELD_MAX) turn_make_room(s->server);
}

void session_make_room(struct server *sv)
{
	struct list *first;

	while (sv->held > SERVER_HELD_MAX && (first = list_first(&sv->holders)) != NULL) {
		struct session *s = LIST_OWNER(first, struct session, holds);
		metrics_add(METRICS_EVICTED, 1);
		if (s->h2 != NULL) h2_part(s);
		session_cut(s);
	}
}

/* --- its end --- */

static void end(struct session *s, bool truncated)
{
	struct live *v = s->h1.live;

	MG_ASSERT(s->server->serving != s);
	loop_io_free(&s->io);
	transport_close(&s->wire, truncated);
	h1_free(s);
	if (s->h2 != NULL) h2_free(s);
	session_account(s);
	server_remove(s);
	free(s);
	if (v != NULL) exchange_gone(v);
}

void session_cut(struct session *s)
{
	end(s, s->h1.out != NULL || (s->h2 != NULL && h2_is_busy(s->h2)));
}

bool session_finish(struct session *s, bool linger)
{
	if (!linger) {
		end(s, false);
		return false;
	}
	if (s->h2 != NULL) h2_free(s);
	h1_free(s);
	session_account(s);
	transport_finish(&s->wire);
	server_wait(s, SESSION_LINGER);
	loop_io_want(s->io, LOOP_READ);
	if (s->unread) turn_soon(s);
	return true;
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

bool session_expire(struct session *s)
{
	if (s->wait == SESSION_WRITE && pace_kept(s)) return false;
	if (s->h2 != NULL)
		h2_expire(s);
	else
		h1_expire(s);
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

/* --- its input --- */

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
	} else if (why == EPROTO && s->h1.live == NULL && s->h1.out == NULL) {
		/* It is told why; a reset would take that from it. */
		if (s->wire.tls != NULL && tlsconn_heard_http(s->wire.tls))
			refusal_say(s->wire.fd,
				    "this address speaks TLS: write https:// instead of "
				    "http:// in the URL");
		s->unread = true;
		session_finish(s, true);
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
	struct mg_buf *in = &s->h1.in;

	buf_append(in, fresh);
	if (tls == NULL && in->n < preface.n && span_has_prefix(preface, buf_span(in))) {
		session_account(s);
		loop_io_want(s->io, LOOP_READ);
		if (s->unread) turn_soon(s);
		return;
	}
	s->sniff = false;
	if (tls != NULL ? !tlsconn_h2(tls) : !span_has_prefix(buf_span(in), preface)) {
		h1_take(s, (struct mg_span){ 0 });
		return;
	}
	struct mg_buf bytes = *in;
	*in = BUF_MAX(0);
	h2_start(s);
	h2_take(s, buf_span(&bytes));
	buf_deinit(&bytes);
}

static void read_input(struct session *s)
{
	s->unread = false;
	const ssize_t n = receive(s);
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
	/* The time of a head runs from its first byte. */
	if (s->wait == SESSION_HEAD && s->h1.in.n == 0 && s->h1.skip == 0)
		server_wait(s, SESSION_HEAD);
	const struct mg_span fresh = span_make(s->server->inbox, (size_t)n);
	if (s->wait == SESSION_LINGER)
		linger(s, fresh.n);
	else if (s->sniff)
		sniff(s, fresh);
	else
		h1_take(s, fresh);
}

void session_resume(struct session *s)
{
	if (s->h2 != NULL)
		h2_resume(s);
	else if (s->wait == SESSION_LINGER ? s->unread : h1_resume(s))
		read_input(s);
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
	} else if (s->h2 != NULL) {
		h2_on_io(s, events);
	} else if (h1_on_io(s)) {
		read_input(s);
	}
}
