/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: one allocation finds no memory, then all is as it was. FAIL_MALLOC=ROLE:FILE: the processes of that
 * role share the number in FILE, eight bytes. Each allocation takes one from it; who takes the last one fails. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static _Atomic(long) *left;

__attribute__((constructor)) static void begin(void)
{
	char line[4096] = "", role[16], file[2048];
	const char *spec = getenv("FAIL_MALLOC");
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, line, sizeof line - 1);

	if (fd >= 0) close(fd);
	if (spec == NULL || size <= 0 || sscanf(spec, "%15[^:]:%2047s", role, file) != 2) return;
	if (strcmp(line + strlen(line) + 1, role) != 0) return;
	fd = open(file, O_RDWR | O_CLOEXEC);
	void *shared = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED) abort();
	left = shared;
}

static int fails(void)
{
	if (left == NULL || atomic_load(left) <= 0 || atomic_fetch_sub(left, 1) != 1) return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
