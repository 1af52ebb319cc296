/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "http/admit.h"
#include "http/exchange_internal.h"
#include "http/h2body.h"
#include "http/pages.h"
#include "http/refusal.h"
#include "http/server_internal.h"
#include "http/tally.h"
#include "wire/fieldhead.h"

/* Decoded fields of one head. Beyond HEAD_MAX_BYTES it is refused, but decoding goes on, for the sake of the
 * table; beyond this it was sent to make us decode (T34). */
#define HEAD_BOMB (2u << 20)
/* A refused head is charged once, and once more for each of this: what it cost was to decode it. */
#define HEAD_CHARGE (64u << 10)
/* What a stream costs beside its head: ours and nghttp2's. When all of them cost more than SERVER_KEPT_MAX, a connection
 * that has a fair part of it gets no more: as much as one with HTTP/1.1 may have, and that is one head. */
#define STREAM_COST  2048u
#define KEPT_A_PIECE HEAD_MAX_BYTES
/* A DATA frame, so that streams take turns (RFC 9113 §4.2 allows no more unasked). */
#define FRAME_HEAD  9u
#define FRAME_BYTES (16u << 10)
/* Of a file, read by the lane in one go. */
#define DISK_WINDOW (512u << 10)

static struct h2kit *kit_of(const struct h2stream *st)
{
	return st->live.server->h2;
}

/* --- the head: its fields are kept as they come, and judged when all are there, for the buffer moves --- */

struct kept {
	uint32_t name_n, value_n; /* then the bytes of both */
};

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	static const nghttp2_extpri in_turn = { .urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY,
						.inc = 1 };
	struct h2 *h = arg;

	if (h->head.cap == 0) {
		struct h2kit *kit = h->session->server->h2;
		h->head = kit->head;
		kit->head = BUF_MAX(HEAD_MAX_BYTES);
	}
	buf_clear(&h->head);
	h->head_bytes = 0;
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
	/* A frame of each stream in turn, whatever the client would have. */
	return nghttp2_session_change_extpri_stream_priority(ng, frame->hd.stream_id, &in_turn,
							     true) == 0
		       ? 0
		       : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	const struct kept kept = { (uint32_t)name_n, (uint32_t)value_n };
	struct h2 *h = arg;

	h->head_bytes += name_n + value_n + sizeof kept;
	if (h->head_bytes > HEAD_BOMB) {
		h2_calm(h, METRICS_FLOOD_HEAD);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	/* Trailers are for nobody: the stream is reset, and its peer charged, before they cost much. */
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return h->head_bytes <= HEAD_MAX_BYTES ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	/* What is left out shows in head_bytes. */
	if (h->head_bytes > HEAD_MAX_BYTES) return 0;
	/* One piece: it is the way of every field of every request. */
	char *at = buf_reserve(&h->head, sizeof kept + name_n + value_n);
	memcpy(at, &kept, sizeof kept);
	memcpy(at + sizeof kept, name, name_n);
	memcpy(at + sizeof kept + name_n, value, value_n);
	h->head.n += sizeof kept + name_n + value_n;
	return 0;
}

/* Values that are not allowed: the request is malformed, not without that field. */
static int on_invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
			     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
			     void *arg)
{
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static bool read_head(const struct h2 *h, struct fieldhead *f, struct head *out)
{
	struct mg_span rest = buf_span(&h->head);
	struct kept kept;

	fieldhead_begin(f, out);
	while (rest.n > 0) {
		memcpy(&kept, rest.p, sizeof kept);
		rest = span_from(rest, sizeof kept);
		fieldhead_add(f, span_first(rest, kept.name_n),
			      span_first(span_from(rest, kept.name_n), kept.value_n));
		rest = span_from(rest, kept.name_n + kept.value_n);
	}
	if (h->head_bytes <= HEAD_MAX_BYTES) return fieldhead_end(f);
	f->status = 431;
	f->reason = "the request's head is longer than 32 KiB";
	return false;
}

/* --- the request --- */

static void wait_in(struct h2stream *st, struct list *list)
{
	list_remove(&st->wait);
	list_append(list, &st->wait);
	st->since_ms = loop_now_ms(st->live.server->loop);
	st->looked_from = st->from;
	st->looked_sent = st->h2->sent;
}

/* Its DATA frames go on, later: who tells it may be telling others too. */
static void resume(struct h2stream *st)
{
	nghttp2_session_resume_data(st->h2->ng, st->id);
	st->h2->more = true;
	turn_soon(st->live.session);
}

static void on_growth(struct growth_waiter *w)
{
	resume(LIST_OWNER(w, struct h2stream, growing));
}

static struct h2stream *stream_new(struct h2 *h, int32_t id)
{
	struct h2stream *st = check_malloc(sizeof *st);

	st->live.session = h->session;
	st->live.server = h->session->server;
	st->live.kept = 0;
	st->live.parked = false;
	st->live.server->kept += STREAM_COST;
	h->kept += STREAM_COST;
	st->live.x.arena = ARENA_INIT;
	st->live.x.user = NULL;
	st->live.x.on_gone = NULL;
	server_next_id(st->live.server, st->live.x.id);
	st->h2 = h;
	list_append(&h->streams, &st->node);
	h->open++;
	list_init(&st->wait);
	list_init(&st->disk);
	list_init(&st->growing.node);
	st->growing.on_more = on_growth;
	st->id = id;
	st->ended = st->awaited = st->answered = st->sending = st->our_fault = false;
	st->skipped = 0;
	st->wants_body = false;
	st->body = BUF_MAX(0);
	st->live.x.body = (struct mg_span){ 0 };
	st->reply = NULL;
	st->from = st->to = st->resident_to = 0;
	st->job = NULL;
	return st;
}

void h2stream_end(struct h2stream *st)
{
	st->h2->answering -= st->sending;
	st->h2->open--;
	st->h2->owed -= st->awaited;
	list_remove(&st->node);
	list_remove(&st->wait);
	list_remove(&st->disk);
	growth_leave(&st->growing);
	pages_forget(&st->job);
	reply_unref(&st->reply);
	h2body_drop(st);
	st->live.server->kept -= STREAM_COST;
	st->h2->kept -= STREAM_COST;
	if (!st->answered && !st->awaited) {
		st->h2->kept -= st->live.kept;
		exchange_gone(&st->live);
		return;
	}
	exchange_let_go(&st->live);
	free(st);
}

/* Or as much of it as is wanted. */
static void is_whole(struct h2stream *st)
{
	st->h2->owed -= st->awaited;
	st->awaited = false;
	list_remove(&st->wait);
}

static void handle(struct h2stream *st)
{
	struct server *sv = st->live.server;

	st->live.session->stranger = false;
	is_whole(st);
	metrics_add(METRICS_H2_REQUESTS, 1);
	st->live.since_ms = loop_now_ms(sv->loop);
	if (st->wants_body && st->ended) st->live.x.body = buf_span(&st->body);
	if (admit_request(&st->live)) sv->handler(&st->live.x, sv->arg);
}

static void refuse(struct h2stream *st, int status, const char *reason)
{
	struct server *sv = st->live.server;
	struct reply *r = refusal_new(status, reason, st->live.x.id);

	is_whole(st);
	tally_answer(r, CONDITIONAL_FULL, 0);
	metrics_add(METRICS_BAD_HEADS, 1);
	h2stream_answer(&st->live, r,
			&(struct outbound_how){ .verdict = CONDITIONAL_FULL,
						.head_only = st->live.x.head.method == HEAD_HEAD,
						.date = server_date(sv),
						.id = st->live.x.id,
						.id_field = true,
						.server = sv->options.fields });
	reply_unref(&r);
}

/* A head is complete. Must the body come first? Only so it is known whether it is as long as was said, and
 * only then could the stream end without a reset. */
static int begin(struct h2 *h, const nghttp2_frame *frame)
{
	/* It may be asked again (RFC 9113 §8.7). */
	if (h->session->server->kept > SERVER_KEPT_MAX && h->kept >= KEPT_A_PIECE) {
		h->turned_away++;
		return nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
						 NGHTTP2_REFUSED_STREAM);
	}
	struct h2stream *st = stream_new(h, frame->hd.stream_id);
	const struct head *head = &st->live.x.head;
	struct fieldhead f;

	nghttp2_session_set_stream_user_data(h->ng, st->id, st);
	st->ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	if (!read_head(h, &f, &st->live.x.head)) {
		refuse(st, f.status, f.reason);
		const int32_t cost = 1 + (int32_t)(h->head_bytes / HEAD_CHARGE);
		if (h2guard_spend(&h->guard, H2GUARD_FAULTS, cost)) return 0;
		h2_calm(h, METRICS_FLOOD_FAULTS);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	st->wants_body = !st->ended && server_body_length(st->live.server, head) > 0;
	if (st->ended || head->expect_continue ||
	    (!st->wants_body && head->content_length > SERVER_SKIP_MAX)) {
		handle(st);
		return 0;
	}
	exchange_keep(&st->live.x);
	if (st->wants_body) st->body = BUF_MAX((size_t)head->content_length);
	st->awaited = true;
	h->owed++;
	wait_in(st, &kit_of(st)->bodies);
	return 0;
}

void h2stream_last(struct h2 *h)
{
	h->goodbye = H2_GONE;
	nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(h->ng), NGHTTP2_NO_ERROR,
			      NULL, 0);
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;

	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		return begin(h, frame);
	if (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) {
		struct h2stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
		if (st == NULL || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
		st->ended = true;
		if (st->awaited) handle(st);
	} else if (frame->hd.type == NGHTTP2_SETTINGS) {
		h->greeted = true;
		if (frame->hd.flags & NGHTTP2_FLAG_ACK) h->acknowledged = true;
	} else if (frame->hd.type == NGHTTP2_RST_STREAM) {
		metrics_add(METRICS_H2_RESETS + METRICS_RESET_RECEIVED, 1);
	} else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) &&
		   h->goodbye == H2_NOTICED) {
		/* The peer has seen the first GOAWAY: whatever it sent before is here. */
		h2stream_last(h);
	}
	return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t n,
		   void *arg)
{
	struct h2stream *st = nghttp2_session_get_stream_user_data(ng, id);

	if (st == NULL) return 0;
	if (st->wants_body && h2body_take(st, span_make(data, n))) return 0;
	st->skipped += (uint32_t)n;
	if (st->awaited && st->skipped > SERVER_SKIP_MAX) handle(st);
	return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t error_code, void *arg)
{
	struct h2stream *st = nghttp2_session_get_stream_user_data(ng, id);

	if (st != NULL) h2stream_end(st);
	return 0;
}

/* --- the answer --- */

/* Puts body bytes [st->from, +n) at to, the request's id in its place. */
static void copy_body(const struct h2stream *st, char *to, size_t n)
{
	const struct reply *r = st->reply;
	const char *id = st->live.x.id;
	uint64_t at = st->from;

	memcpy(to, r->body.p + at, n);
	if (r->request_id_at < 0) return;
	for (uint64_t i = 0; i < EXCHANGE_ID_SIZE; i++) {
		uint64_t place = (uint64_t)r->request_id_at + i;
		if (place >= at && place < at + n) to[place - at] = id[i];
	}
}

/* Up to where the body may be sent now. */
static uint64_t sendable_to(const struct h2stream *st)
{
	const struct reply_file *f = st->reply->file;

	if (f == NULL || f->growth == NULL || f->growth->available >= st->to) return st->to;
	return f->growth->available;
}

/* A byte that was promised does not exist. */
static ssize_t give_up(struct h2stream *st)
{
	st->our_fault = true;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static ssize_t await_growth(struct h2stream *st)
{
	struct growth *g = st->reply->file->growth;

	if (g->cut) return give_up(st);
	growth_wait(g, &st->growing);
	return NGHTTP2_ERR_DEFERRED;
}

/* The part of the file that the lane reads next. */
static uint64_t window_to(const struct h2stream *st)
{
	uint64_t to = sendable_to(st);

	return to - st->from < DISK_WINDOW ? to : st->from + DISK_WINDOW;
}

static void on_pages(void *arg, bool ran)
{
	struct h2stream *st = arg;

	st->job = NULL;
	if (!ran) {
		list_append(&kit_of(st)->disks, &st->disk);
		return;
	}
	/* Not asked again: were they evicted at once, asking would go on for ever. */
	st->resident_to = st->reading_to;
	resume(st);
}

static void read_pages(struct h2stream *st)
{
	struct server *sv = st->live.server;

	st->reading_to = window_to(st);
	st->job = pages_read(sv->options.fs_lane, sv->loop, st->reply, st->from, st->reading_to,
			     on_pages, st);
	if (st->job == NULL) list_append(&kit_of(st)->disks, &st->disk);
}

void h2stream_retry_disk(struct h2kit *kit)
{
	struct list *first;

	/* One that finds no room ends the round. */
	while ((first = list_first(&kit->disks)) != NULL) {
		struct h2stream *st = LIST_OWNER(first, struct h2stream, disk);
		list_remove(&st->disk);
		read_pages(st);
		if (st->job == NULL) return;
	}
}

/* Never waits for a disk: NGHTTP2_ERR_DEFERRED when it would have to. */
static ssize_t read_file(struct h2stream *st, char *to, size_t n)
{
	struct iovec iov = { .iov_base = to, .iov_len = n };
	int fd = st->reply->file->fd;
	bool may_wait = st->live.server->options.fs_lane == NULL || st->from < st->resident_to;
	ssize_t got;

	do
		got = preadv2(fd, &iov, 1, (off_t)st->from, may_wait ? 0 : RWF_NOWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EOPNOTSUPP) got = pread(fd, to, n, (off_t)st->from);
	if (got < 0 && errno == EAGAIN) {
		read_pages(st);
		return NGHTTP2_ERR_DEFERRED;
	}
	return got > 0 ? got : give_up(st); /* truncated underneath */
}

/* The bytes go where send_body, which is called next, puts their head before them. */
static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2stream *st = source->ptr;
	struct h2kit *kit = kit_of(st);
	char *to = kit->out + kit->out_n + FRAME_HEAD;
	size_t n = length < FRAME_BYTES ? length : FRAME_BYTES;
	uint64_t until = sendable_to(st);

	if (until <= st->from) return await_growth(st);
	if (until - st->from < n) n = (size_t)(until - st->from);
	if (st->reply->file != NULL) {
		ssize_t got = read_file(st, to, n);
		if (got < 0) return got;
		n = (size_t)got;
	} else {
		copy_body(st, to, n);
	}
	st->from += n;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (st->from == st->to) *flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int send_body(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t length,
		     nghttp2_data_source *source, void *arg)
{
	struct h2 *h = arg;
	struct h2kit *kit = h->session->server->h2;

	MG_ASSERT(frame->data.padlen == 0 &&
		  kit->out_n + FRAME_HEAD + length <= H2_BATCH + H2_PIECE);
	memcpy(kit->out + kit->out_n, head, FRAME_HEAD);
	kit->out_n += FRAME_HEAD + length;
	h->sent += length;
	h2guard_sent(&h->guard, length);
	if (kit->out_n < kit->out_max) return 0;
	kit->full = true;
	return NGHTTP2_ERR_PAUSE;
}

/* Whoever makes us reset streams pays for it as one who resets them (CVE-2025-8671). Not whom others leave no room, who
 * asks for a while as often as a client at work does. */
static void charge_reset(struct h2 *h, uint32_t error_code)
{
	const bool turned_away = error_code == NGHTTP2_REFUSED_STREAM && h->turned_away > 0;

	h->turned_away -= turned_away;
	if (turned_away && !h2guard_spend(&h->guard, H2GUARD_CHATTER, 1))
		h2_calm(h, METRICS_FLOOD_CHATTER);
	if (!turned_away && !h2guard_spend(&h->guard, H2GUARD_FAULTS, 1))
		h2_calm(h, METRICS_FLOOD_FAULTS);
}

static int on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;

	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		h->resets[h->resets_n++ % H2_RESETS_KEPT] = (uint32_t)frame->hd.stream_id;
		if (frame->rst_stream.error_code == NGHTTP2_NO_ERROR) return 0;
		struct h2stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
		if (st != NULL && st->our_fault) return 0;
		metrics_add(METRICS_H2_RESETS + METRICS_RESET_SENT, 1);
		charge_reset(h, frame->rst_stream.error_code);
	} else if (frame->hd.type == NGHTTP2_GOAWAY) {
		metrics_add(METRICS_H2_GOAWAYS, 1);
	} else if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
		   (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		struct h2stream *st = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
		h2guard_answered(&h->guard);
		/* RFC 9113 §8.1: the rest of the request is not wanted. */
		if (st != NULL && !st->ended)
			nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_NO_ERROR);
	}
	return 0;
}

/* Which bytes of the body go. False: none. */
static bool choose_body(struct h2stream *st, const struct reply *r, const struct outbound_how *how)
{
	st->from = 0;
	st->to = r->size;
	if (how->verdict == CONDITIONAL_PARTIAL) {
		st->from = how->first;
		st->to = how->last + 1;
	}
	if (how->verdict == CONDITIONAL_NOT_MODIFIED || how->verdict == CONDITIONAL_UNSATISFIABLE)
		return false;
	return !how->head_only && st->from < st->to;
}

void h2stream_answer(struct live *v, struct reply *r, const struct outbound_how *how)
{
	struct h2stream *st = LIST_OWNER(v, struct h2stream, live);
	struct h2 *h = st->h2;
	nghttp2_data_provider body = { .source.ptr = st, .read_callback = read_body };
	nghttp2_nv nv[H2FIELDS_MAX];

	MG_ASSERT(!st->answered);
	st->answered = true;
	exchange_let_go(v);
	if (h->gone) return;
	/* What nghttp2 encodes later points into the reply. */
	reply_ref(r);
	st->reply = r;
	size_t n = h2fields_of(r, how, &st->text, nv);
	bool has_body = choose_body(st, r, how);
	/* It fails for want of memory only, and then the next call for this session does too. */
	nghttp2_submit_response(h->ng, st->id, nv, n, has_body ? &body : NULL);
	if (has_body) {
		st->sending = true;
		h->answering++;
		wait_in(st, &kit_of(st)->answers);
	}
	h->more = true;
	if (h->session->server->serving != h->session) turn_soon(h->session);
}

/* Does the peer take it? While the socket is full that is the connection's affair. Else each stream is to
 * advance by its share of what a connection must take, unless it only waits for its turn. */
static bool is_fast_enough(const struct h2stream *st, uint64_t ms)
{
	const struct h2 *h = st->h2;
	uint64_t least = ms * st->live.server->options.min_rate / 1000;
	uint64_t share = least / h->answering;

	if (h->session->wait == SESSION_WRITE) return true;
	if (st->from - st->looked_from >= (share > 0 ? share : 1)) return true;
	return h->sent - st->looked_sent >= (least > 0 ? least : 1) &&
	       nghttp2_session_get_stream_remote_window_size(h->ng, st->id) > 0;
}

void h2stream_expire(struct h2stream *st, uint64_t now_ms)
{
	struct server *sv = st->live.server;

	if (st->awaited) {
		refuse(st, 408, "the request's body did not arrive in time");
		return;
	}
	/* What waits for a disk, or for its body to grow, is not the peer's fault. */
	if (st->job != NULL || !list_empty(&st->disk) || !list_empty(&st->growing.node) ||
	    is_fast_enough(st, now_ms - st->since_ms)) {
		wait_in(st, &sv->h2->answers);
		return;
	}
	metrics_add(METRICS_H2_STALLED, 1);
	list_remove(&st->wait);
	nghttp2_submit_rst_stream(st->h2->ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_CANCEL);
	st->h2->more = true;
	turn_soon(st->live.session);
}

void h2stream_callbacks(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
	nghttp2_session_callbacks_set_send_data_callback(c, send_body);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
}
