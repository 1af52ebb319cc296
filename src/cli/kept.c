/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define KEPT_NAME "upstreams"
#define KEPT_MAX  (64u << 10)

const char *kept_read(struct arena *a, const char *store)
{
	const char *path = arena_printf(a, "%s/" KEPT_NAME, store);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) return NULL;

	char *text = arena_alloc(a, KEPT_MAX);
	ssize_t n = read(fd, text, KEPT_MAX);
	close(fd);
	struct mg_span line = span_make(text, n > 0 ? (size_t)n : 0);
	line = span_trim(span_cut(&line, '\n'));
	return line.n > 0 ? arena_strdup(a, line) : NULL;
}

/* Nothing with a password in it; a query may be one. */
static bool worth_keeping(struct mg_span list)
{
	return span_find(list, SPAN("://")) >= 0 && span_index(list, '@') < 0 &&
	       span_index(list, '?') < 0;
}

static int write_file(int dir, struct mg_span text)
{
	int fd = openat(dir, KEPT_NAME ".new",
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) return errno;
	int why = 0;
	ssize_t n = write(fd, text.p, text.n);
	if (n != (ssize_t)text.n)
		why = n < 0 ? errno : ENOSPC;
	else if (fsync(fd) != 0)
		why = errno;
	close(fd);
	if (why == 0 && renameat(dir, KEPT_NAME ".new", dir, KEPT_NAME) != 0) why = errno;
	if (why != 0) unlinkat(dir, KEPT_NAME ".new", 0);
	return why;
}

enum mg_code kept_write(const char *store, const char *goproxy, struct mg_err *err)
{
	if (!worth_keeping(span_of(goproxy))) return MG_OK;

	struct arena a = ARENA_INIT;
	const char *before = kept_read(&a, store);
	const char *line = arena_printf(&a, "%s\n", goproxy);
	int why = 0;
	if (before == NULL || strcmp(before, goproxy) != 0) {
		int dir = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		why = dir < 0 ? errno : write_file(dir, span_of(line));
		if (dir >= 0) close(dir);
	}
	arena_deinit(&a);
	return why == 0 ? MG_OK : err_errno(err, why, "store %s: cannot keep the upstreams", store);
}
