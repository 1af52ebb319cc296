/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/fileurl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define SCHEME    SPAN("file://")
#define READ_SIZE (64u << 10)

bool fileurl_is(struct mg_span url)
{
	return url.n >= SCHEME.n && span_eq_nocase(span_first(url, SCHEME.n), SCHEME);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

/* file-URI = "file://" path-absolute, percent-encoded (RFC 8089 §2); no host. */
static bool path_of(struct mg_span url, char out[PATH_MAX])
{
	struct mg_span path = span_from(url, SCHEME.n);
	size_t n = 0;
	if (!fileurl_is(url) || path.n == 0 || path.p[0] != '/') return false;
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];
		if (c == '%') {
			int high = i + 2 < path.n ? digit(path.p[i + 1]) : -1;
			int low = i + 2 < path.n ? digit(path.p[i + 2]) : -1;
			if (high < 0 || low < 0) return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0' || n + 1 >= PATH_MAX) return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

/* Where the tree lies is said in the log only: texts of errors go to people on other machines. */
static enum mg_code unreadable(const struct upstream_request *rq, int errnum, struct mg_err *err)
{
	log_warn("module tree: cannot read", LOG_SP("url", rq->url), LOG_I("errno", errnum));
	return err_errno(err, errnum, "reading a file of the module tree");
}

static enum mg_code absent(const struct upstream_request *rq, struct upstream_answer *answer,
			   struct mg_err *err)
{
	char root[PATH_MAX];
	struct stat st;
	if (rq->root.n != 0 && (!path_of(rq->root, root) || stat(root, &st) != 0)) {
		log_warn("module tree: it is not there", LOG_SP("url", rq->root));
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM,
			       "the module tree is not there: not mounted?");
	}
	answer->status = 404;
	buf_append_str(&answer->text, "no such file in the module tree");
	return MG_OK;
}

static enum mg_code cannot_open(const struct upstream_request *rq, struct upstream_answer *answer,
				int errnum, struct mg_err *err)
{
	if (errnum == ENOENT || errnum == ENOTDIR || errnum == ENAMETOOLONG)
		return absent(rq, answer, err);
	if (errnum != EACCES && errnum != EPERM) return unreadable(rq, errnum, err);
	answer->status = 403;
	buf_append_str(&answer->text, "permission denied in the module tree");
	return MG_OK;
}

static enum mg_code read_all(int fd, const struct upstream_request *rq,
			     struct upstream_answer *answer, struct mg_err *err)
{
	char bytes[READ_SIZE];
	for (;;) {
		if (cancel_is_set(rq->cancel))
			return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "nobody waits any more");
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return unreadable(rq, errno, err);
		if (n == 0) return MG_OK;
		if ((uint64_t)n > rq->max_bytes - answer->bytes)
			return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
				       "a file of the module tree is larger than the %llu bytes "
				       "allowed here",
				       (unsigned long long)rq->max_bytes);
		enum mg_code rc = rq->sink.write(rq->sink.arg, span_make(bytes, (size_t)n), err);
		if (rc != MG_OK) return rc;
		answer->bytes += (uint64_t)n;
	}
}

enum mg_code fileurl_get(const struct upstream_request *rq, struct upstream_answer *answer,
			 struct mg_err *err)
{
	char path[PATH_MAX];
	if (!path_of(rq->url, path))
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "no file URL of the form file:///absolute/path");
	/* Not to hang on a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) return cannot_open(rq, answer, errno, err);
	struct stat st;
	enum mg_code rc = MG_OK;
	if (fstat(fd, &st) != 0)
		rc = unreadable(rq, errno, err);
	else if (S_ISDIR(st.st_mode))
		rc = absent(rq, answer, err);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM,
			     "what stands there in the module tree is no regular file");
	else {
		answer->status = 200;
		answer->framed = true;
		rc = rq->sink.begin == NULL
			     ? MG_OK
			     : rq->sink.begin(rq->sink.arg, (uint64_t)st.st_size, err);
		if (rc == MG_OK) rc = read_all(fd, rq, answer, err);
	}
	close(fd);
	return rc;
}
