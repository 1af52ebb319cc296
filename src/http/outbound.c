/* SPDX-License-Identifier: Apache-2.0 */
#include "http/outbound.h"

#include <errno.h>

#include "base/check.h"
#include "http/growth.h"
#include "http/pages.h"
#include "http/status.h"
#include "record/metrics.h"
#include "wire/httpdate.h"

/* Bodies up to this size are copied behind their heads: one send() of one piece is cheaper. */
#define OUTBOUND_COPY_MAX (16u << 10)
/* Of a large body in one go. */
#define OUTBOUND_WINDOW (512u << 10)
#define OUTBOUND_TURN   (1u << 20)

void outbound_deinit(struct outbound *o)
{
	buf_deinit(&o->bytes);
	reply_unref(&o->reply);
	*o = (struct outbound){ .bytes = BUF_MAX(SIZE_MAX / 2) };
}

static inline char *put(char *p, struct mg_span s)
{
	return s.n == 0 ? p : (char *)memcpy(p, s.p, s.n) + s.n;
}

/* What stands between the reply's own lines and the body. */
static char *put_tail(char *p, const struct outbound_how *how)
{
	p = put(p, how->server);
	p = put(p, how->connection);
	if (how->id_field) {
		p = put(p, SPAN("X-Request-Id: "));
		p = put(p, span_make(how->id, 16));
		p = put(p, SPAN("\r\n"));
	}
	return put(p, SPAN("\r\n"));
}

static size_t tail_max(const struct outbound_how *how)
{
	return how->server.n + how->connection.n + 64;
}

static void add_full(struct outbound *o, struct reply *r, const struct outbound_how *how)
{
	bool copy = !how->head_only && r->file == NULL &&
		    (r->body.n <= OUTBOUND_COPY_MAX || r->request_id_at >= 0);
	char *start = buf_reserve(&o->bytes, r->head.n + tail_max(how) + (copy ? r->body.n : 0));
	MG_ASSERT(start != NULL);
	char *p = put(start, r->head);

	memcpy(start + r->date_at, how->date, HTTPDATE_SIZE);
	p = put_tail(p, how);
	if (copy) {
		if (r->body.n > 0) memcpy(p, r->body.p, r->body.n);
		if (r->request_id_at >= 0) memcpy(p + r->request_id_at, how->id, 16);
		p += r->body.n;
	}
	o->bytes.n += (size_t)(p - start);
	if (copy || how->head_only || r->size == 0) return;
	reply_ref(r);
	o->reply = r;
	o->from = 0;
	o->to = r->size;
}

/* RFC 9110 §15.4.5, §15.3.7, §15.5.17: heads made from slices of the 200's. */
static void add_other(struct outbound *o, struct reply *r, const struct outbound_how *how)
{
	struct mg_buf *b = &o->bytes;
	int status = how->verdict == CONDITIONAL_NOT_MODIFIED ? 304
		     : how->verdict == CONDITIONAL_PARTIAL    ? 206
							      : 416;

	buf_printf(b, "HTTP/1.1 %d %s\r\nDate: %.*s\r\n", status, status_phrase(status),
		   HTTPDATE_SIZE, how->date);
	if (status != 416) buf_append(b, r->shared);
	if (status == 206) {
		buf_append(b, r->type);
		buf_printf(b, "Content-Range: bytes %llu-%llu/%llu\r\nContent-Length: %llu\r\n",
			   (unsigned long long)how->first, (unsigned long long)how->last,
			   (unsigned long long)r->size,
			   (unsigned long long)(how->last - how->first + 1));
	} else if (status == 416) {
		buf_printf(b, "Content-Range: bytes */%llu\r\nContent-Length: 0\r\n",
			   (unsigned long long)r->size);
	}
	char *start = buf_reserve(b, tail_max(how));
	MG_ASSERT(start != NULL);
	b->n += (size_t)(put_tail(start, how) - start);
	if (status != 206 || how->head_only) return;
	if (r->file == NULL && how->last - how->first < OUTBOUND_COPY_MAX) {
		buf_append(b, span_make(r->body.p + how->first, how->last - how->first + 1));
		return;
	}
	reply_ref(r);
	o->reply = r;
	o->from = how->first;
	o->to = how->last + 1;
}

void outbound_add(struct outbound *o, struct reply *r, const struct outbound_how *how)
{
	MG_ASSERT(outbound_open(o));
	o->resident_to = 0;
	if (how->verdict == CONDITIONAL_FULL)
		add_full(o, r, how);
	else
		add_other(o, r, how);
}

static ssize_t send_file_part(struct outbound *o, struct transport *t, size_t want,
			      bool check_pages)
{
	struct reply_file *f = o->reply->file;

	if (check_pages && o->from + want > o->resident_to) {
		if (!pages_resident(f, o->from, o->from + want)) {
			errno = EDOM; /* told apart from what the transport says */
			return -1;
		}
		o->resident_to = o->from + want;
	}
	return transport_send_file(t, f->fd, o->from, want);
}

static ssize_t send_memory_part(struct outbound *o, struct transport *t, size_t want)
{
	struct mg_span body = span_make(o->reply->body.p + o->from, want);

	if (o->sent == o->bytes.n) return transport_send(t, body, false);
	return transport_send_two(t, span_from(buf_span(&o->bytes), o->sent), body);
}

/* Of the body, what may go next. */
static size_t body_part(const struct outbound *o)
{
	uint64_t to = o->to;
	if (o->reply->file != NULL && o->reply->file->growth != NULL &&
	    o->reply->file->growth->available < to)
		to = o->reply->file->growth->available;
	if (to <= o->from) return 0;
	return to - o->from < OUTBOUND_WINDOW ? (size_t)(to - o->from) : OUTBOUND_WINDOW;
}

static ssize_t none_yet(const struct outbound *o)
{
	errno = o->reply->file->growth->cut ? EIO : ENODATA; /* ENODATA: told apart, as EDOM is */
	return -1;
}

/* One system call; counts what went. */
static ssize_t send_part(struct outbound *o, struct transport *t, bool check_pages)
{
	size_t left = o->bytes.n - o->sent;
	size_t want = o->reply != NULL ? body_part(o) : 0;
	ssize_t n;
	if (left > 0 && (o->reply == NULL || o->reply->file != NULL))
		n = transport_send(t, span_from(buf_span(&o->bytes), o->sent), want > 0);
	else if (want == 0)
		n = none_yet(o);
	else if (o->reply->file != NULL)
		n = send_file_part(o, t, want, check_pages);
	else
		n = send_memory_part(o, t, want);
	if (n <= 0) return n;
	size_t of_bytes = (size_t)n < left ? (size_t)n : left;
	o->sent += of_bytes;
	o->from += (size_t)n - of_bytes;
	return n;
}

enum outbound_result outbound_push(struct outbound *o, struct transport *t, bool check_pages,
				   bool *progress)
{
	size_t turn = 0;

	*progress = false;
	while (!outbound_empty(o)) {
		if (turn >= OUTBOUND_TURN) return OUTBOUND_FULL;
		ssize_t n = send_part(o, t, check_pages);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0 && errno == EAGAIN) return OUTBOUND_FULL;
		if (n < 0 && errno == EDOM) return OUTBOUND_DISK;
		if (n < 0 && errno == ENODATA) return OUTBOUND_WAIT;
		if (n < 0) return OUTBOUND_BROKEN;
		*progress = true;
		turn += (size_t)n;
		o->pushed += (uint64_t)n;
		metrics_add(METRICS_SENT_BYTES, (uint64_t)n);
		if (o->reply != NULL && o->from == o->to) reply_unref(&o->reply);
	}
	o->sent = 0;
	o->pushed = 0;
	o->bytes.n = 0;
	return OUTBOUND_DONE;
}

void outbound_window(const struct outbound *o, uint64_t *from, uint64_t *to)
{
	*from = o->from;
	*to = o->from + body_part(o);
}

void outbound_move(struct outbound *o, struct outbound *to)
{
	*to = *o;
	to->bytes = BUF_MAX(SIZE_MAX / 2);
	to->sent = 0;
	if (o->sent < o->bytes.n)
		buf_append(&to->bytes, span_make(o->bytes.p + o->sent, o->bytes.n - o->sent));
	o->bytes.n = 0;
	o->sent = 0;
	o->pushed = 0;
	o->reply = NULL;
}
