/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The process may be out of memory or inside malloc: only a buffer on the stack and write(). */
struct note {
	char text[512];
	size_t n;
};

static void note_str(struct note *t, const char *s)
{
	while (*s != '\0' && t->n < sizeof t->text - 1)
		t->text[t->n++] = *s++;
}

static void note_int(struct note *t, int v)
{
	char digits[12];
	size_t at = sizeof digits;
	digits[--at] = '\0';
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	note_str(t, digits + at);
}

void check_fail(const char *file, int line, const char *what)
{
	struct note t = { .n = 0 };
	note_str(&t, "modgate: internal error at ");
	note_str(&t, file);
	note_str(&t, ":");
	note_int(&t, line);
	note_str(&t, ": ");
	note_str(&t, what);
	t.text[t.n++] = '\n';
	if (write(STDERR_FILENO, t.text, (unsigned)t.n) < 0) abort();
	abort();
}

void *check_malloc(size_t n)
{
	void *p = malloc(n ? n : 1);
	if (p == NULL) check_fail(__FILE__, __LINE__, "out of memory");
	return p;
}

void *check_calloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (p == NULL) check_fail(__FILE__, __LINE__, "out of memory");
	return p;
}

void *check_realloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (p == NULL) check_fail(__FILE__, __LINE__, "out of memory");
	return p;
}

char *check_strndup(const char *s, size_t n)
{
	char *copy = check_malloc(n + 1);
	if (n > 0) memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}
