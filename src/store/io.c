/* SPDX-License-Identifier: Apache-2.0 */
#include "store/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int gate(const struct io *io, enum io_op op, const char *name)
{
	return io->gate != NULL ? -io->gate(io->arg, op, name) : 0;
}

static int result(int rc)
{
	return rc < 0 ? -errno : rc;
}

static int create(const struct io *io, int folder, const char *name, int extra)
{
	int rc = gate(io, IO_CREATE, name);
	if (rc != 0) return rc;
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | extra;
	do {
		rc = result(openat(folder, name, flags, 0666));
	} while (rc == -EINTR);
	return rc;
}

int io_create(const struct io *io, int folder, const char *name)
{
	return create(io, folder, name, O_EXCL);
}

int io_open_or_create(const struct io *io, int folder, const char *name)
{
	return create(io, folder, name, 0);
}

int io_write(const struct io *io, int fd, struct mg_span bytes, off_t offset)
{
	while (bytes.n > 0) {
		const int rc = gate(io, IO_WRITE, "");
		if (rc != 0) return rc;
		const ssize_t n = pwrite(fd, bytes.p, bytes.n, offset);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return -errno;
		if (n == 0) return -EIO;
		bytes = span_from(bytes, (size_t)n);
		offset += n;
	}
	return 0;
}

int io_truncate(const struct io *io, int fd)
{
	int rc = gate(io, IO_TRUNCATE, "");
	if (rc != 0) return rc;
	do {
		rc = result(ftruncate(fd, 0));
	} while (rc == -EINTR);
	return rc;
}

/* fsync is not repeated after EINTR on purpose: Linux never returns it here, and a repeated fsync
 * can report success for pages that an earlier one lost. */
int io_fsync(const struct io *io, int fd)
{
	const int rc = gate(io, IO_FSYNC, "");
	return rc != 0 ? rc : result(fsync(fd));
}

int io_fsync_folder(const struct io *io, int fd)
{
	int rc = gate(io, IO_FSYNC_FOLDER, "");
	if (rc == 0) rc = result(fsync(fd));
	return rc == -EINVAL ? 0 : rc;
}

int io_sync_all(const struct io *io, int fd)
{
	const int rc = gate(io, IO_FSYNC_FOLDER, "");
	return rc != 0 ? rc : result(syncfs(fd));
}

int io_link(const struct io *io, int from, const char *name, int to, const char *new_name)
{
	const int rc = gate(io, IO_LINK, new_name);
	return rc != 0 ? rc : result(linkat(from, name, to, new_name, 0));
}

int io_rename(const struct io *io, int from, const char *name, int to, const char *new_name)
{
	const int rc = gate(io, IO_RENAME, new_name);
	return rc != 0 ? rc : result(renameat(from, name, to, new_name));
}

int io_unlink(const struct io *io, int folder, const char *name)
{
	const int rc = gate(io, IO_UNLINK, name);
	return rc != 0 ? rc : result(unlinkat(folder, name, 0));
}

int io_mkdir(const struct io *io, int folder, const char *name)
{
	const int rc = gate(io, IO_MKDIR, name);
	return rc != 0 ? rc : result(mkdirat(folder, name, 0777));
}

int io_rmdir(const struct io *io, int folder, const char *name)
{
	const int rc = gate(io, IO_RMDIR, name);
	return rc != 0 ? rc : result(unlinkat(folder, name, AT_REMOVEDIR));
}

int io_utimes(const struct io *io, int fd, int64_t wall_s)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = wall_s == IO_NOW ? 0 : (time_t)wall_s,
		  .tv_nsec = wall_s == IO_NOW ? UTIME_NOW : 0 },
	};
	const int rc = gate(io, IO_UTIMES, "");
	return rc != 0 ? rc : result(futimens(fd, times));
}
