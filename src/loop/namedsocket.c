/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/namedsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

/* A path may be longer than an address holds: then by way of the folder's descriptor. *fd is the caller's to
 * close, or -1. */
static bool address_of(const char *folder, const char *name, struct sockaddr_un *out, int *fd)
{
	*fd = -1;
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	const int n = snprintf(out->sun_path, sizeof out->sun_path, "%s/%s", folder, name);
	if (n > 0 && (size_t)n < sizeof out->sun_path) return true;
	*fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0) return false;
	snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", *fd, name);
	return true;
}

static void close_kept(int fd)
{
	const int why = errno;
	if (fd >= 0) close(fd);
	errno = why;
}

bool namedsocket_listen(const char *folder, const char *name, struct namedsocket *out)
{
	struct sockaddr_un address;
	struct stat st;
	int by = -1;
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool done = false;

	if (fd >= 0 && address_of(folder, name, &address, &by)) {
		/* What is not a socket is not ours to remove; bind says so. */
		if (lstat(address.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
			(void)unlink(address.sun_path);
		/* The name gets the descriptor's mode, so it is never open to others. */
		done = fchmod(fd, 0600) == 0 &&
		       bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
		       listen(fd, BACKLOG) == 0 && lstat(address.sun_path, &st) == 0;
	}
	close_kept(by);
	if (done)
		*out = (struct namedsocket){ .fd = fd, .device = st.st_dev, .inode = st.st_ino };
	else
		close_kept(fd);
	return done;
}

int namedsocket_connect(const char *folder, const char *name)
{
	struct sockaddr_un address;
	int by;

	if (!address_of(folder, name, &address, &by)) return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		close_kept(fd);
		fd = -1;
	}
	close_kept(by);
	return fd;
}

void namedsocket_remove(const char *folder, const char *name, const struct namedsocket *s)
{
	struct sockaddr_un address;
	struct stat st;
	int by;

	if (!address_of(folder, name, &address, &by)) return;
	if (lstat(address.sun_path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		(void)unlink(address.sun_path);
	close_kept(by);
}
