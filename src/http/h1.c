/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1.h"

#include <stdlib.h>

#include "base/check.h"
#include "http/admit.h"
#include "http/exchange_internal.h"
#include "http/pace.h"
#include "http/refusal.h"
#include "http/server_internal.h"
#include "http/tally.h"

/* Pipelined input kept while an answer is awaited. */
#define H1_AHEAD_MAX (64u << 10)
/* Answers to pipelined requests collected for one send. */
#define H1_BATCH (64u << 10)

static void on_growth(struct growth_waiter *w);

void h1_start(struct session *s, bool unsure)
{
	struct h1 *h = &s->h1;

	h->in = BUF_MAX(HEAD_MAX_BYTES + s->server->options.body_max + H1_AHEAD_MAX + SERVER_INBOX);
	h->unsure = unsure;
	list_init(&h->growing.node);
	h->growing.on_more = on_growth;
}

static void drop_outbound(struct h1 *h)
{
	if (h->out == NULL) return;
	outbound_deinit(h->out);
	free(h->out);
	h->out = NULL;
}

void h1_free(struct session *s)
{
	struct h1 *h = &s->h1;

	growth_leave(&h->growing);
	drop_outbound(h);
	pages_forget(&h->job);
	buf_deinit(&h->in);
}

/* What there is to send does not depend on the peer now, who may leave, or ask for more. */
static bool is_listening(const struct session *s)
{
	return s->h1.out != NULL ? s->wait == SESSION_GROWTH : s->h1.live != NULL;
}

static void listen_on(struct session *s)
{
	bool room = s->h1.in.n < H1_AHEAD_MAX && s->server->held < SERVER_HELD_MAX;

	loop_io_want(s->io, room ? LOOP_READ : 0);
	if (room && s->unread) turn_soon(s);
}

/* All that was asked is answered. False when the session is gone. */
static bool await_request(struct session *s)
{
	struct h1 *h = &s->h1;
	const bool idle = h->in.n == 0 && h->skip == 0;

	if (h->closing || (idle && s->server->hurried)) return session_finish(s, h->linger);
	if (h->more || s->unread) turn_soon(s);
	if (h->in.n == 0 && h->in.cap > 0) {
		buf_deinit(&h->in);
		session_account(s);
	}
	/* A body that drips does not get more time for it. */
	if (idle)
		server_wait(s, SESSION_IDLE);
	else if (s->wait != SESSION_HEAD)
		server_wait(s, SESSION_HEAD);
	loop_io_want(s->io, LOOP_READ);
	return true;
}

/* Puts the session where it has to wait, after anything happened. False when it is gone. */
static bool settle(struct session *s)
{
	session_account(s);
	if (s->h1.out != NULL) {
		if (s->wait == SESSION_GROWTH)
			listen_on(s);
		else
			loop_io_want(s->io, s->wait == SESSION_DISK ? 0 : LOOP_WRITE);
		return true;
	}
	if (s->h1.live == NULL) return await_request(s);
	if (s->wait != SESSION_HANDLER) server_wait(s, SESSION_HANDLER);
	listen_on(s);
	return true;
}

/* --- sending --- */

static void on_pages(void *arg, bool ran);

static void read_pages(struct session *s)
{
	struct outbound *o = s->h1.out;
	uint64_t from, to;

	outbound_window(o, &from, &to);
	server_wait(s, SESSION_DISK);
	s->h1.job = pages_read(s->server->options.fs_lane, s->server->loop, o->reply, from, to,
			       on_pages, s);
	/* When the lane is full the server's tick tries again. */
}

static void await_growth(struct session *s)
{
	server_wait(s, SESSION_GROWTH);
	growth_wait(s->h1.out->reply->file->growth, &s->h1.growing);
}

/* Sends when the loop says that the peer takes bytes: many may have waited for the same. */
static void on_growth(struct growth_waiter *w)
{
	struct session *s = LIST_OWNER(w, struct session, h1.growing);

	pace_begin(s);
	loop_io_want(s->io, LOOP_WRITE);
}

/* Sends from h1.out. False when the session is gone. */
static bool push(struct session *s)
{
	bool progress;
	enum outbound_result result =
		outbound_push(s->h1.out, &s->wire, s->server->options.fs_lane != NULL, &progress);

	switch (result) {
	case OUTBOUND_DONE:
		drop_outbound(&s->h1);
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

	s->h1.job = NULL;
	if (!ran) return; /* the tick tries again */
	/* Not asked again: were they evicted at once, asking would go on for ever. */
	outbound_window(s->h1.out, &from, &to);
	s->h1.out->resident_to = to;
	push(s);
}

void h1_retry_disk(struct session *s)
{
	if (s->h1.job == NULL) push(s);
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
	s->h1.out = check_malloc(sizeof *s->h1.out);
	outbound_move(o, s->h1.out);
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

/* The next request may have it. */
static void give_back(struct live *v)
{
	struct server *sv = v->server;

	exchange_let_go(v);
	v->session->h1.live = NULL;
	if (sv->spare == NULL)
		sv->spare = v;
	else
		free(v);
}

void h1_answer(struct live *v, struct reply *r, struct outbound_how *how)
{
	struct session *s = v->session;
	struct server *sv = s->server;
	struct h1 *h = &s->h1;
	const bool at_once = sv->serving == s;
	struct outbound *o = &sv->out;

	MG_ASSERT(h->live == v && h->out == NULL);
	if (!v->x.head.keep_alive) h->closing = true;
	if (h->closing)
		how->connection = SPAN("Connection: close\r\n");
	else if (v->x.head.minor == 0)
		how->connection = SPAN("Connection: keep-alive\r\n");
	if (!at_once) {
		o = h->out = check_malloc(sizeof *o);
		*o = (struct outbound){ .bytes = BUF_MAX(SIZE_MAX / 2) };
	}
	outbound_add(o, r, how);
	give_back(v);
	if (!at_once) push(s);
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
	s->h1.closing = s->h1.linger = true;
}

/* --- requests --- */

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
	struct h1 *h = &s->h1;
	const struct head *head = &v->x.head;

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
	h->live = v;
	s->stranger = false;
	/* A pipeline may never run empty: what comes behind this request is a head of its own time. */
	if (s->wait == SESSION_HEAD) server_wait(s, SESSION_HEAD);
	/* Never read body bytes as a request: where they cannot be counted out, nothing follows. */
	if (body.p != NULL)
		h->skip = 0;
	else if (head->chunked || head->expect_continue || head->content_length > SERVER_SKIP_MAX)
		h->closing = h->linger = true;
	else
		h->skip = head->content_length;
	if (admit_request(v)) sv->handler(&v->x, sv->arg);
	MG_ASSERT(h->live == NULL || v->parked);
}

/* Serves the requests in bytes, in order, until one is incomplete or must be waited for. Returns
 * what is left. */
static struct mg_span serve(struct session *s, struct mg_span bytes)
{
	struct server *sv = s->server;
	struct h1 *h = &s->h1;
	int status;
	const char *reason;

	h->more = false;
	while (bytes.n > 0 && bytes.n >= h->needed && !h->closing) {
		if (h->skip > 0) {
			size_t n = h->skip < bytes.n ? (size_t)h->skip : bytes.n;
			h->skip -= n;
			bytes = span_from(bytes, n);
			continue;
		}
		if (h->live != NULL || !outbound_open(&sv->out) || sv->out.bytes.n > H1_BATCH) {
			h->more = true;
			break;
		}
		struct live *v = next_live(sv);
		size_t used;
		enum head_result result =
			head_parse(bytes, &h->scanned, &v->x.head, &used, &status, &reason);
		if (result != HEAD_DONE) {
			sv->spare = v;
			if (result == HEAD_BAD && h->unsure)
				h->closing = h->linger = true;
			else if (result == HEAD_BAD)
				refuse(s, status, reason);
			break;
		}
		h->scanned = 0;
		h->unsure = false;
		const size_t length = server_body_length(sv, &v->x.head);
		h->needed = length > 0 ? used + length : 0;
		sv->spare = bytes.n < h->needed ? v : NULL;
		if (sv->spare != NULL) break;
		h->needed = 0;
		handle(s, v, span_make(length > 0 ? bytes.p + used : NULL, length));
		used += length;
		bytes = span_from(bytes, used);
	}
	if (h->closing && (bytes.n > 0 || h->skip > 0)) h->linger = true;
	return bytes;
}

static void serve_and_send(struct session *s, struct mg_span fresh)
{
	struct server *sv = s->server;
	struct mg_buf *in = &s->h1.in;
	struct mg_span left;

	sv->serving = s;
	if (in->n == 0) {
		left = serve(s, fresh);
		if (left.n > 0) buf_append(in, left);
	} else {
		buf_append(in, fresh);
		MG_ASSERT(!buf_failed(in));
		left = serve(s, buf_span(in));
		buf_consume(in, in->n - left.n);
		/* The answer may be long in coming. */
		if (in->n == 0) buf_deinit(in);
	}
	sv->serving = NULL;
	flush(s);
}

void h1_take(struct session *s, struct mg_span bytes)
{
	if (!is_listening(s)) {
		serve_and_send(s, bytes);
		return;
	}
	/* While a parked exchange is answered the next requests wait here. */
	buf_append(&s->h1.in, bytes);
	MG_ASSERT(!buf_failed(&s->h1.in));
	s->h1.more = true;
	settle(s);
}

bool h1_resume(struct session *s)
{
	const struct h1 *h = &s->h1;

	if (h->out != NULL && !is_listening(s)) {
		/* When it is sent the loop tells anew what there is to read. */
		s->unread = transport_pending(&s->wire);
		return false;
	}
	if (h->more && !is_listening(s)) {
		serve_and_send(s, (struct mg_span){ 0 });
		return false;
	}
	return s->unread && (h->in.n < H1_AHEAD_MAX || h->in.n < h->needed);
}

bool h1_on_io(struct session *s)
{
	const struct h1 *h = &s->h1;

	if (h->out != NULL && !is_listening(s)) {
		if (s->wait == SESSION_WRITE) push(s);
		return false;
	}
	if (!h->more || is_listening(s)) return true;
	/* First what is at hand, or the peer's end would come before its requests. */
	s->unread = true;
	turn_soon(s);
	return false;
}

void h1_leave(struct session *s)
{
	s->h1.closing = true;
}

void h1_expire(struct session *s)
{
	if (s->wait != SESSION_HEAD || s->h1.in.n == 0 || s->h1.skip > 0 || s->h1.more) {
		session_cut(s);
		return;
	}
	refuse(s, 408, "the request head did not arrive in time");
	flush(s);
}
