/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ARENA_BLOCK 0
#else
#define ARENA_BLOCK 4096
#endif

struct arena_block {
	struct arena_block *next;
	_Alignas(max_align_t) char bytes[];
};

void arena_deinit(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	*a = ARENA_INIT;
}

static char *block_new(struct arena *a, size_t n)
{
	MG_ASSERT(n <= SIZE_MAX - sizeof(struct arena_block));
	struct arena_block *b = check_malloc(sizeof *b + n);
	b->next = a->blocks;
	a->blocks = b;
	return b->bytes;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t align = _Alignof(max_align_t);
	if (n == 0) n = 1;
	char *p;
	if (n > ARENA_BLOCK / 4) { /* a block of its own; what is left of the current one stays */
		p = block_new(a, n);
	} else {
		size_t rounded = (n + align - 1) & ~(align - 1);
		if (rounded > a->left) {
			a->next = block_new(a, ARENA_BLOCK);
			a->left = ARENA_BLOCK;
		}
		p = a->next;
		a->next += rounded;
		a->left -= rounded;
	}
	return memset(p, 0, n);
}

struct mg_span arena_dup(struct arena *a, struct mg_span s)
{
	return (struct mg_span){ arena_strdup(a, s), s.n };
}

char *arena_strdup(struct arena *a, struct mg_span s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (s.n > 0) memcpy(p, s.p, s.n);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	MG_ASSERT(fmt != NULL); /* gcc's sanitizer build warns of it otherwise */
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	MG_ASSERT(n >= 0);
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
