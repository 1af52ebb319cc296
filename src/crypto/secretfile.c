/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/secretfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/wipe.h"

static enum mg_code refuse(struct mg_err *err, const char *path, const char *why)
{
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH, "%s: %s", path, why);
}

static enum mg_code refuse_errno(struct mg_err *err, const char *path, int number)
{
	if (number != EACCES) return refuse(err, path, strerror(number));
	/* Its owner is mostly the user who wrote it, and not the one who modgate became. */
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH,
		       "%s: permission denied: the user that modgate runs as (%u) must be able to "
		       "read it",
		       path, (unsigned)geteuid());
}

enum mg_code secretfile_check_mode(const char *path, unsigned mode, struct mg_err *err)
{
	if ((mode & 027) == 0) return MG_OK;
	return err_set(err, MG_DENIED, MG_CAUSE_AUTH,
		       "%s: others may %s this secret (mode %03o): chmod o-rwx,g-w (in Kubernetes: "
		       "defaultMode 0440)",
		       path, (mode & 022) != 0 ? "change" : "read", mode & 0777);
}

static enum mg_code check(const struct stat *st, const char *path, struct mg_err *err)
{
	if (!S_ISREG(st->st_mode) || st->st_size > (off_t)SECRETFILE_MAX)
		return refuse(err, path, "no file, or larger than any secret is");
	if (secretfile_check_mode(path, st->st_mode, err) == MG_OK) return MG_OK;
	if (err != NULL) err->code = MG_UNAVAILABLE;
	return MG_UNAVAILABLE;
}

enum mg_code secretfile_read(const char *path, struct mg_buf *out, struct mg_err *err)
{
	struct stat st;
	ssize_t n = 0;
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) return refuse_errno(err, path, errno);
	enum mg_code rc =
		fstat(fd, &st) != 0 ? refuse_errno(err, path, errno) : check(&st, path, err);
	/* One block: growing would leave copies of a secret behind. */
	char *room = rc == MG_OK ? buf_reserve(out, SECRETFILE_MAX + 1) : NULL;
	while (room != NULL && (n = read(fd, room + out->n, SECRETFILE_MAX + 1 - out->n)) > 0)
		out->n += (size_t)n;
	if (rc == MG_OK && (n < 0 || out->n > SECRETFILE_MAX))
		rc = refuse(err, path, n < 0 ? strerror(errno) : "it grows while it is read");
	close(fd);
	return rc;
}

static bool is_line(struct mg_span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f) return false;
	return text.n > 0;
}

enum mg_code secretfile_read_line(const char *path, struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(SECRETFILE_MAX + 1);
	enum mg_code rc = secretfile_read(path, &bytes, err);
	const struct mg_span line = span_trim(buf_span(&bytes));
	if (rc == MG_OK && !is_line(line)) rc = refuse(err, path, "a secret is one line of text");
	if (rc == MG_OK && !buf_append(out, line)) rc = refuse(err, path, "the secret is too long");
	secretfile_forget(&bytes);
	return rc;
}

void secretfile_forget(struct mg_buf *bytes)
{
	if (bytes->p != NULL) wipe_bytes(bytes->p, bytes->cap);
	buf_deinit(bytes);
}
