/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/secretfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/wipe.h"

static enum mg_code refuse(struct mg_err *err, const char *path, const char *why)
{
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH, "%s: %s", path, why);
}

static enum mg_code check(const struct stat *st, const char *path, struct mg_err *err)
{
	if (!S_ISREG(st->st_mode) || st->st_size > (off_t)SECRETFILE_MAX)
		return refuse(err, path, "no file, or larger than any secret is");
	if ((st->st_mode & 027) != 0)
		return refuse(err, path,
			      (st->st_mode & 022) != 0
				      ? "others may change this secret: chmod o-rwx,g-w"
				      : "others may read this secret: chmod o-rwx,g-w");
	return MG_OK;
}

enum mg_code secretfile_read(const char *path, struct mg_buf *out, struct mg_err *err)
{
	struct stat st;
	ssize_t n = 0;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) return refuse(err, path, strerror(errno));
	enum mg_code rc =
		fstat(fd, &st) != 0 ? refuse(err, path, strerror(errno)) : check(&st, path, err);
	/* One block: growing would leave copies of a secret behind. */
	char *room = rc == MG_OK ? buf_reserve(out, SECRETFILE_MAX + 1) : NULL;
	while (room != NULL && (n = read(fd, room + out->n, SECRETFILE_MAX + 1 - out->n)) > 0)
		out->n += (size_t)n;
	if (rc == MG_OK && (n < 0 || out->n > SECRETFILE_MAX))
		rc = refuse(err, path, n < 0 ? strerror(errno) : "it grows while it is read");
	close(fd);
	return rc;
}

void secretfile_forget(struct mg_buf *bytes)
{
	if (bytes->p != NULL) wipe_bytes(bytes->p, bytes->cap);
	buf_deinit(bytes);
}
