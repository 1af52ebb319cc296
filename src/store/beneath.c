/* SPDX-License-Identifier: Apache-2.0 */
#include "store/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALWAYS (O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY)

void beneath_init(struct beneath *b, int root)
{
	b->root = root;
	atomic_init(&b->no_openat2, false);
	atomic_init(&b->no_cached, false);
}

static int open_fast(struct beneath *b, const char *path, int flags, bool cached)
{
	struct open_how how = {
		.flags = (unsigned)(flags | ALWAYS),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (cached ? RESOLVE_CACHED : 0),
	};
	/* Uncached, EAGAIN means that the tree was renamed under the look-up: it passes. */
	for (int tries = 0;; tries++) {
		const long fd = syscall(SYS_openat2, b->root, path, &how, sizeof how);
		if (fd >= 0) return (int)fd;
		const bool again = errno == EINTR || (errno == EAGAIN && !cached);
		if (!again || tries == 64) return -errno;
	}
}

static int open_part(int folder, const char *part, int flags)
{
	int fd;
	do {
		fd = openat(folder, part, flags | ALWAYS);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static int open_walk(struct beneath *b, const char *path, int flags)
{
	char part[NAME_MAX + 1];
	int folder = b->root;
	for (;;) {
		const size_t n = strcspn(path, "/");
		const bool last = path[n] == '\0';
		int fd;
		if (n > NAME_MAX) {
			fd = -ENAMETOOLONG;
		} else {
			memcpy(part, path, n);
			part[n] = '\0';
			fd = strcmp(part, "..") == 0
				     ? -EXDEV
				     : open_part(folder, part, last ? flags : O_PATH | O_DIRECTORY);
		}
		if (folder != b->root) close(folder);
		if (fd < 0 || last) return fd;
		folder = fd;
		path += n + 1;
	}
}

int beneath_open(struct beneath *b, const char *path, int flags, bool may_block)
{
	if (!may_block && atomic_load_explicit(&b->no_cached, memory_order_relaxed)) return -EAGAIN;
	if (!atomic_load_explicit(&b->no_openat2, memory_order_relaxed)) {
		const int fd = open_fast(b, path, flags, !may_block);
		if (fd == -EINVAL && !may_block) {
			atomic_store_explicit(&b->no_cached, true, memory_order_relaxed);
			return -EAGAIN;
		}
		/* Seccomp profiles that do not know the call answer EPERM, which open itself gives
		 * only for O_NOATIME and immutable files, neither of which is asked for here. */
		if (fd != -ENOSYS && fd != -EPERM) return fd;
		atomic_store_explicit(&b->no_openat2, true, memory_order_relaxed);
		atomic_store_explicit(&b->no_cached, true, memory_order_relaxed);
	}
	return may_block ? open_walk(b, path, flags) : -EAGAIN;
}
