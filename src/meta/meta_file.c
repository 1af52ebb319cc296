/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/meta_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "crypto/sha256.h"

#define HEAD_MAX     128
#define MAGIC        "modgate-meta 1 "
#define LOCK_WAIT_MS 5000

/* ENOENT below an open folder means that the folder was taken away: no proof of anything's absence. */
static enum mg_code fail(struct mg_err *err, int errnum, const char *what, const char *name)
{
	struct mg_err local;
	if (err == NULL) err = &local;
	err_errno(err, errnum, "meta: cannot %s %s", what, name);
	err->code = MG_UNAVAILABLE;
	return MG_UNAVAILABLE;
}

enum mg_code meta_file_open(const char *root, struct meta_file *out, struct mg_err *err)
{
	const struct io io = { 0 };
	const int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return err_errno(err, errno, "store %s: cannot open it", root);
	const int made = io_mkdir(&io, fd, "meta");
	int rc = made == -EEXIST ? 0 : made;
	if (made == 0) rc = io_fsync_folder(&io, fd);
	int folder = -1;
	if (rc == 0) {
		folder = openat(fd, "meta", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (folder < 0) rc = -errno;
	}
	close(fd);
	if (rc != 0) return fail(err, -rc, "open the folder in", root);
	*out = (struct meta_file){ .folder = folder };
	return MG_OK;
}

void meta_file_close(struct meta_file *m)
{
	close(m->folder);
}

/* Takes the head off *text. */
static bool parse_head(struct mg_span *text, uint64_t *revision, uint8_t sha256[SHA256_SIZE])
{
	if (!span_has_prefix(*text, SPAN(MAGIC))) return false;
	*text = span_from(*text, sizeof MAGIC - 1);
	struct mg_span head = span_cut(text, '\n');
	if (text->p == NULL) return false;
	const struct mg_span number = span_cut(&head, ' ');
	return span_u64(number, UINT64_MAX, revision) && *revision > 0 &&
	       hex_decode(head, sha256, SHA256_SIZE);
}

static int read_file(int folder, const char *name, struct mg_buf *out)
{
	const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) return -errno;
	ssize_t n = 0;
	for (;;) {
		char *to = buf_reserve(out, 4096);
		if (to == NULL) {
			n = -EFBIG;
			break;
		}
		n = read(fd, to, 4096);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) n = -errno;
		if (n <= 0) break;
		out->n += (size_t)n;
	}
	close(fd);
	return (int)n;
}

enum mg_code meta_file_get(struct meta_file *m, const char *name, struct mg_buf *bytes,
			   uint64_t *revision, struct mg_err *err)
{
	struct mg_buf text = BUF_MAX(META_MAX + HEAD_MAX + 4096);
	enum mg_code rc = MG_OK;
	const int read = read_file(m->folder, name, &text);
	if (read == -ENOENT) {
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "meta: there is no %s", name);
		goto out;
	}
	if (read != 0) {
		rc = fail(err, -read, "read", name);
		goto out;
	}
	struct mg_span value = buf_span(&text);
	uint64_t found;
	uint8_t said[SHA256_SIZE], is[SHA256_SIZE];
	bool good = parse_head(&value, &found, said);
	if (good) {
		sha256_of(value, is);
		good = memcmp(said, is, sizeof is) == 0;
	}
	if (!good) {
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
			     "meta: the file %s in the store's meta folder is damaged; remove it",
			     name);
		goto out;
	}
	if (bytes != NULL) {
		buf_clear(bytes);
		if (!buf_append(bytes, value)) {
			rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
				     "meta: %s has %zu bytes where at most %zu are expected", name,
				     value.n, bytes->max);
			goto out;
		}
	}
	if (revision != NULL) *revision = found;
out:
	buf_deinit(&text);
	return rc;
}

/* A lock of our own descriptor each time, so that threads take turns as well as processes. */
static int take_turn(struct meta_file *m)
{
	const int fd = io_open_or_create(&m->io, m->folder, ".lock");
	if (fd < 0) return fd;
	const uint64_t deadline_ms = clock_mono_ms() + LOCK_WAIT_MS;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		const int errnum = errno;
		if ((errnum != EWOULDBLOCK && errnum != EINTR) || clock_mono_ms() > deadline_ms) {
			close(fd);
			return errnum == EWOULDBLOCK ? -ETIMEDOUT : -errnum;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return fd;
}

static int replace(struct meta_file *m, const char *name, uint64_t revision, struct mg_span bytes)
{
	static const char tmp[] = ".tmp";
	char head[HEAD_MAX], sum[2 * SHA256_SIZE];
	uint8_t sha256[SHA256_SIZE];
	sha256_of(bytes, sha256);
	hex_encode(sha256, sizeof sha256, sum);
	const int n = snprintf(head, sizeof head, MAGIC "%" PRIu64 " %.*s\n", revision,
			       (int)sizeof sum, sum);

	const int fd = io_open_or_create(&m->io, m->folder, tmp);
	if (fd < 0) return fd;
	int rc = io_truncate(&m->io, fd);
	if (rc == 0) rc = io_write(&m->io, fd, span_make(head, (size_t)n), 0);
	if (rc == 0) rc = io_write(&m->io, fd, bytes, n);
	if (rc == 0) rc = io_fsync(&m->io, fd);
	close(fd);
	if (rc == 0) rc = io_rename(&m->io, m->folder, tmp, m->folder, name);
	if (rc == 0) return io_fsync_folder(&m->io, m->folder);
	(void)io_unlink(&m->io, m->folder, tmp);
	return rc;
}

enum meta_outcome meta_file_put(struct meta_file *m, const char *name, uint64_t expected,
				struct mg_span bytes, struct mg_err *err)
{
	const int turn = take_turn(m);
	if (turn < 0) {
		fail(err, -turn, "lock", name);
		if (turn == -ETIMEDOUT && err != NULL) err->code = MG_TIMEOUT;
		return META_FAULT;
	}
	enum meta_outcome outcome = META_LOST;
	uint64_t revision = 0;
	const enum mg_code rc = meta_file_get(m, name, NULL, &revision, err);
	if (rc != MG_OK && rc != MG_NOT_FOUND) {
		outcome = META_FAULT;
	} else if (revision == expected) {
		const int written = replace(m, name, expected + 1, bytes);
		outcome = written == 0 ? META_DONE : META_FAULT;
		if (written != 0) fail(err, -written, "write", name);
	}
	close(turn);
	return outcome;
}
