/* SPDX-License-Identifier: Apache-2.0 */
/* Every file operation that changes a disk goes through here, so that a test can make any one of
 * them fail, or stop the process before it. Functions return a descriptor or 0, or a negative errno;
 * EINTR is handled inside. Any thread. */
#ifndef STORE_IO_H
#define STORE_IO_H

#include "base/span.h"

#include <sys/types.h>

enum io_op {
	IO_CREATE, /* open with O_CREAT */
	IO_WRITE,
	IO_TRUNCATE,
	IO_FSYNC,
	IO_FSYNC_FOLDER,
	IO_LINK,
	IO_RENAME,
	IO_UNLINK,
	IO_MKDIR,
	IO_RMDIR,
	IO_UTIMES,
};
#define IO_OP_COUNT (IO_UTIMES + 1)

/* gate, where set, is asked before each operation: 0 lets it happen, an errno fails it with that.
 * It is called from every thread that writes. */
struct io {
	int (*gate)(void *arg, enum io_op op, const char *name);
	void *arg;
};

/* Opens a new file for reading and writing; fails with EEXIST if the name is taken. */
int io_create(const struct io *io, int folder, const char *name);
/* The same for a file that may be there already. */
int io_open_or_create(const struct io *io, int folder, const char *name);
int io_write(const struct io *io, int fd, struct mg_span bytes, off_t offset); /* all of it */
int io_truncate(const struct io *io, int fd);                                  /* to nothing */
int io_fsync(const struct io *io, int fd);
/* File systems that cannot sync a folder (EINVAL) count as done: there is nothing more to do. */
int io_fsync_folder(const struct io *io, int fd);
/* All that was written to the file system of this folder, by whomever. An IO_FSYNC_FOLDER too. */
int io_sync_all(const struct io *io, int fd);
int io_link(const struct io *io, int from, const char *name, int to, const char *new_name);
int io_rename(const struct io *io, int from, const char *name, int to, const char *new_name);
int io_unlink(const struct io *io, int folder, const char *name);
int io_mkdir(const struct io *io, int folder, const char *name);
int io_rmdir(const struct io *io, int folder, const char *name);
/* Sets the time of the last change: seconds since 1970, or now. */
int io_utimes(const struct io *io, int fd, int64_t wall_s);
#define IO_NOW INT64_MIN

#endif
