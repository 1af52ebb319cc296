/* SPDX-License-Identifier: Apache-2.0 */
#include "http/unixlistener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

static const struct mg_span scheme = { "unix:", 5 };

static bool parse(struct mg_span address, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!span_has_prefix(address, scheme)) return false;
	const struct mg_span path = span_from(address, scheme.n);
	if (path.n < 2 || path.n >= sizeof out->sun_path || path.p[0] != '/') return false;
	memcpy(out->sun_path, path.p, path.n);
	return true;
}

bool unixlistener_is(struct mg_span address)
{
	struct sockaddr_un un;

	return parse(address, &un);
}

/* A socket file outlives its server when that was killed. 0, or the errno that says why it stays. */
static int clear_way(const struct sockaddr_un *un)
{
	struct stat st;

	if (lstat(un->sun_path, &st) != 0) return errno == ENOENT ? 0 : errno;
	if (!S_ISSOCK(st.st_mode)) return EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return errno;
	const int rc = connect(fd, (const struct sockaddr *)un, sizeof *un);
	const int why = rc == 0 ? EADDRINUSE : errno;
	close(fd);
	/* EAGAIN: its queue is full, so somebody has one. */
	if (why != ECONNREFUSED) return why == EAGAIN ? EADDRINUSE : why;
	return unlink(un->sun_path) == 0 ? 0 : errno;
}

static int open_socket(const struct sockaddr_un *un, struct unixlistener *out, int *fd_out)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int why;

	if (fd < 0) return errno;
	if (bind(fd, (const struct sockaddr *)un, sizeof *un) != 0) {
		why = errno;
		close(fd);
		return why;
	}
	/* Until listen it refuses everybody. */
	if (chmod(un->sun_path, 0600) != 0 || listen(fd, BACKLOG) != 0 ||
	    lstat(un->sun_path, &st) != 0) {
		why = errno;
		unlink(un->sun_path);
		close(fd);
		return why;
	}
	*out = (struct unixlistener){ .device = st.st_dev, .inode = st.st_ino };
	*fd_out = fd;
	return 0;
}

enum mg_code unixlistener_open(struct mg_span address, struct unixlistener *out, int *fd_out,
			       struct mg_err *err)
{
	struct sockaddr_un un;

	if (!parse(address, &un))
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "\"%.*s\" is not a socket to listen on: write unix:/PATH, with at "
			       "most 107 bytes of path",
			       SPAN_ARG(address));
	int why = clear_way(&un);
	if (why == 0) why = open_socket(&un, out, fd_out);
	if (why == 0) return MG_OK;
	char text[64];
	return err_set(
		err, MG_UNAVAILABLE, MG_CAUSE_NONE, "cannot listen on %.*s: %s", SPAN_ARG(address),
		why == EADDRINUSE ? "another server listens there: stop it or choose "
				    "another path"
		: why == EEXIST   ? "what stands there is no socket, and is not removed for one"
		: why == ENOENT   ? "its folder does not exist"
		: why == EACCES   ? "the user that modgate was started as may not make a socket "
				    "there"
				  : strerror_r(why, text, sizeof text));
}

enum mg_code unixlistener_share(struct mg_span address, mode_t mode, uid_t uid, gid_t gid,
				struct mg_err *err)
{
	struct sockaddr_un un;

	if (!parse(address, &un) || lchown(un.sun_path, uid, gid) != 0 ||
	    chmod(un.sun_path, mode) != 0)
		return err_errno(err, errno, "cannot give %.*s to its users", SPAN_ARG(address));
	return MG_OK;
}

void unixlistener_remove(struct mg_span address, const struct unixlistener *l)
{
	struct sockaddr_un un;
	struct stat st;

	if (!parse(address, &un) || lstat(un.sun_path, &st) != 0) return;
	if (S_ISSOCK(st.st_mode) && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(un.sun_path);
}
