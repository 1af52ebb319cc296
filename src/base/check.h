/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions that are always compiled in: for our own mistakes, never for input. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

/* Prints file, line and text to stderr without allocating, and aborts. */
_Noreturn void check_fail(const char *file, int line, const char *what);

#define MG_ASSERT(cond)                                                                            \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0)) check_fail(__FILE__, __LINE__, #cond);           \
	} while (0)

/* malloc that cannot fail: the sizes are bounded by the caller, so failure means the machine is out
 * of memory and aborting is the honest answer. Never NULL. */
void *check_malloc(size_t n);
void *check_calloc(size_t count, size_t size); /* overflow checked */
void *check_realloc(void *p, size_t n);
char *check_strndup(const char *s, size_t n);

#endif
