/* SPDX-License-Identifier: Apache-2.0 */
/* A run of bytes somebody else owns. Passed by value. Not NUL-terminated; any byte may occur. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mg_span {
	const char *p; /* may be NULL only when n is 0 */
	size_t n;
};

/* A span of a string literal, usable in initialisers. */
#define SPAN(lit) ((struct mg_span){ (lit), sizeof(lit) - 1 })
/* For printf: printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).n, ((s).n ? (s).p : "")

static inline struct mg_span span_of(const char *s)
{
	return (struct mg_span){ s, s ? strlen(s) : 0 };
}

static inline struct mg_span span_make(const void *p, size_t n)
{
	return (struct mg_span){ p, n };
}

static inline bool span_eq(struct mg_span a, struct mg_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_has_prefix(struct mg_span s, struct mg_span prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool span_has_suffix(struct mg_span s, struct mg_span suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* The bytes from offset `from` on; from is clamped to the length. */
static inline struct mg_span span_from(struct mg_span s, size_t from)
{
	if (from > s.n) from = s.n;
	return (struct mg_span){ s.n ? s.p + from : s.p, s.n - from };
}

/* The first `n` bytes; n is clamped to the length. */
static inline struct mg_span span_first(struct mg_span s, size_t n)
{
	return (struct mg_span){ s.p, n < s.n ? n : s.n };
}

/* Bytewise order, a shorter prefix first: <0, 0, >0. */
int span_cmp(struct mg_span a, struct mg_span b);
/* ASCII case-insensitive equality (header names, schemes, hosts). */
bool span_eq_nocase(struct mg_span a, struct mg_span b);
/* Offset of the first / last c, or -1. */
ptrdiff_t span_index(struct mg_span s, char c);
ptrdiff_t span_last_index(struct mg_span s, char c);
/* Offset of the first occurrence of needle, or -1. An empty needle is at 0. */
ptrdiff_t span_find(struct mg_span s, struct mg_span needle);
/* Without leading and trailing space, tab, CR, LF. */
struct mg_span span_trim(struct mg_span s);
/* Cuts *rest at the first sep: returns what stands before it and leaves what stands after in *rest.
 * With no sep returns all and leaves *rest with p == NULL, so `while (rest.p != NULL)` visits each
 * field once, an empty last one included. */
struct mg_span span_cut(struct mg_span *rest, char sep);
/* A plain decimal number: digits only, no sign, no leading zero but "0" itself, at most max. */
bool span_u64(struct mg_span s, uint64_t max, uint64_t *out);
/* A 64-bit hash for tables; seeded once per process so that foreign keys cannot be made to collide. */
uint64_t span_hash(struct mg_span s);

#endif
