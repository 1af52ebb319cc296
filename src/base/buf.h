/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer with a maximum set at birth. Going over the maximum makes it failed and
 * empty, and failed it stays: a run of appends needs one check at its end (buf_failed). Memory for
 * the bounded sizes is assumed to be there: malloc failure aborts. One thread at a time. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <stdarg.h>

struct mg_buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
	bool failed;
};

/* An empty buffer that may grow to max bytes. */
#define BUF_MAX(max_bytes) ((struct mg_buf){ .max = (max_bytes) })

static inline bool buf_failed(const struct mg_buf *b)
{
	return b->failed;
}
static inline struct mg_span buf_span(const struct mg_buf *b)
{
	return (struct mg_span){ b->p, b->n };
}

void buf_deinit(struct mg_buf *b);                   /* frees; the maximum stays, usable again */
void buf_clear(struct mg_buf *b);                    /* n = 0, not failed; keeps the memory */
bool buf_append(struct mg_buf *b, struct mg_span s); /* false once failed */
bool buf_append_str(struct mg_buf *b, const char *s);
bool buf_append_char(struct mg_buf *b, char c);
bool buf_append_u64(struct mg_buf *b, uint64_t v); /* decimal */
bool buf_printf(struct mg_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct mg_buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Room for n more bytes, to be written at p + n and then counted by b->n += …; NULL once failed. */
char *buf_reserve(struct mg_buf *b, size_t n);
/* Removes the first n bytes. */
void buf_consume(struct mg_buf *b, size_t n);
/* The content with a NUL behind it (not counted in n); NULL once failed. Valid until the next change. */
const char *buf_cstr(struct mg_buf *b);

#endif
