/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives as long as one request or one job: freed all at once. Under ASan every
 * allocation is a malloc of its own, so that overruns inside the arena are seen. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

struct arena {
	struct arena_block *blocks;
	char *next;
	size_t left;
};

#define ARENA_INIT ((struct arena){ 0 })

void arena_deinit(struct arena *a); /* frees all of it; the arena is empty after, and usable */
/* Zeroed, aligned for any type. Never NULL: sizes are the caller's to bound. */
void *arena_alloc(struct arena *a, size_t n);
struct mg_span arena_dup(struct arena *a, struct mg_span s); /* with a NUL behind it */
char *arena_strdup(struct arena *a, struct mg_span s);       /* the same as a string */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
