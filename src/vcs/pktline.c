/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/pktline.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"

#define LENGTH_SIZE 4

void pktline_init(struct pktline *p,
		  enum mg_code (*take)(void *arg, enum pktline_kind kind, struct mg_span payload,
				       struct mg_err *err),
		  void *arg)
{
	*p = (struct pktline){ .take = take, .arg = arg, .held = BUF_MAX(PKTLINE_MAX) };
}

void pktline_deinit(struct pktline *p)
{
	buf_deinit(&p->held);
}

bool pktline_is_between(const struct pktline *p)
{
	return p->held.n == 0;
}

/* Both cases of letters: some servers write capitals. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	const char small = (char)(c | 0x20);
	return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/* The length at the beginning of what is at least that long; -1: there is none. */
static int length_of(const char *s)
{
	int length = 0;
	for (size_t i = 0; i < LENGTH_SIZE; i++) {
		const int v = hex_value(s[i]);
		if (v < 0) return -1;
		length = length << 4 | v;
	}
	return length == 3 || length > PKTLINE_MAX ? -1 : length;
}

/* Takes the packet that s begins with. *used: its bytes; 0: it is not complete. */
static enum mg_code take_one(struct pktline *p, struct mg_span s, size_t *used, struct mg_err *err)
{
	static const enum pktline_kind marks[] = { PKTLINE_FLUSH, PKTLINE_DELIMITER, PKTLINE_END };
	*used = 0;
	if (s.n < LENGTH_SIZE) return MG_OK;
	const int length = length_of(s.p);
	if (length < 0)
		return err_set(err, MG_CORRUPT, MG_CAUSE_HTTP, "the answer is not git's protocol");
	if (length < (int)(sizeof marks / sizeof marks[0])) {
		*used = LENGTH_SIZE;
		return p->take(p->arg, marks[length], SPAN(""), err);
	}
	if (s.n < (size_t)length) return MG_OK;
	*used = (size_t)length;
	return p->take(p->arg, PKTLINE_DATA, span_from(span_first(s, *used), LENGTH_SIZE), err);
}

/* How many bytes the packet that is held lacks, as far as that is known. */
static size_t missing(const struct pktline *p)
{
	if (p->held.n < LENGTH_SIZE) return LENGTH_SIZE - p->held.n;
	const int length = length_of(p->held.p);
	return length > (int)p->held.n ? (size_t)length - p->held.n : 0;
}

enum mg_code pktline_feed(struct pktline *p, struct mg_span piece, struct mg_err *err)
{
	size_t used;
	while (p->held.n > 0 && piece.n > 0) {
		const struct mg_span part = span_first(piece, missing(p));
		MG_ASSERT(part.n > 0 && buf_append(&p->held, part));
		piece = span_from(piece, part.n);
		const enum mg_code rc = take_one(p, buf_span(&p->held), &used, err);
		if (rc != MG_OK) return rc;
		if (used > 0) buf_clear(&p->held);
	}
	while (piece.n > 0) {
		const enum mg_code rc = take_one(p, piece, &used, err);
		if (rc != MG_OK) return rc;
		if (used == 0) break;
		piece = span_from(piece, used);
	}
	if (piece.n > 0) MG_ASSERT(buf_append(&p->held, piece));
	return MG_OK;
}

void pktline_put(struct mg_buf *out, const char *fmt, ...)
{
	va_list args;
	const size_t at = out->n;
	char length[LENGTH_SIZE + 1];
	buf_append(out, SPAN("0000"));
	va_start(args, fmt);
	buf_vprintf(out, fmt, args);
	va_end(args);
	buf_append_char(out, '\n');
	if (buf_failed(out)) return;
	MG_ASSERT(out->n - at <= PKTLINE_MAX);
	snprintf(length, sizeof length, "%04x", (unsigned)(out->n - at));
	memcpy(out->p + at, length, LENGTH_SIZE);
}

void pktline_put_flush(struct mg_buf *out)
{
	buf_append(out, SPAN("0000"));
}

void pktline_put_delimiter(struct mg_buf *out)
{
	buf_append(out, SPAN("0001"));
}

struct mg_span pktline_line(struct mg_span payload)
{
	if (payload.n > 0 && payload.p[payload.n - 1] == '\n') payload.n--;
	return payload;
}
