/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

void buf_deinit(struct mg_buf *b)
{
	free(b->p);
	*b = BUF_MAX(b->max);
}

void buf_clear(struct mg_buf *b)
{
	b->n = 0;
	b->failed = false;
}

static void grow(struct mg_buf *b, size_t need)
{
	size_t cap = b->cap < 64 ? 64 : b->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 4 ? need : cap * 2;
	if (cap > b->max) cap = b->max;
	/* One byte more than cap: the NUL of buf_cstr always has a place. */
	b->p = check_realloc(b->p, cap + 1);
	b->cap = cap;
}

char *buf_reserve(struct mg_buf *b, size_t n)
{
	if (b->failed) return NULL;
	if (n > b->max - b->n) {
		b->failed = true;
		b->n = 0;
		return NULL;
	}
	if (b->p == NULL || n > b->cap - b->n) grow(b, b->n + n);
	return b->p + b->n;
}

bool buf_append(struct mg_buf *b, struct mg_span s)
{
	char *at = buf_reserve(b, s.n);
	if (at == NULL) return false;
	if (s.n > 0) memcpy(at, s.p, s.n);
	b->n += s.n;
	return true;
}

bool buf_append_str(struct mg_buf *b, const char *s)
{
	return buf_append(b, span_of(s));
}

bool buf_append_char(struct mg_buf *b, char c)
{
	return buf_append(b, span_make(&c, 1));
}

bool buf_append_u64(struct mg_buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return buf_append(b, span_make(digits + at, sizeof digits - at));
}

bool buf_vprintf(struct mg_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	MG_ASSERT(n >= 0);
	char *at = buf_reserve(b, (size_t)n);
	if (at != NULL) {
		vsnprintf(at, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
	return at != NULL;
}

bool buf_printf(struct mg_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool ok = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return ok;
}

void buf_consume(struct mg_buf *b, size_t n)
{
	MG_ASSERT(n <= b->n);
	b->n -= n;
	if (n > 0 && b->n > 0) memmove(b->p, b->p + n, b->n);
}

const char *buf_cstr(struct mg_buf *b)
{
	if (buf_reserve(b, 0) == NULL) return NULL;
	b->p[b->n] = '\0';
	return b->p;
}
