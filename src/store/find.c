/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of store.h. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_internal.h"

static enum store_find fault(const char *key, int errnum, struct mg_err *err)
{
	switch (errnum) {
	case ENOENT:
	case ENAMETOOLONG: /* can never have been stored */
		return STORE_MISS;
	case ELOOP:
	case ENOTDIR:
	case ENXIO:
		err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
			"store: %s: a symbolic link or special file stands where a file or folder "
			"of the store belongs",
			key);
		return STORE_FAULT;
	default:
		err_errno(err, errnum, "store: cannot open %s", key);
		return STORE_FAULT;
	}
}

#define SETTLING_MS (60 * 1000)

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_settling(const struct stat *st)
{
	return st->st_nlink > 1 &&
	       clock_wall_ms() - nanoseconds(st->st_ctim) / 1000000 < SETTLING_MS;
}

enum store_find store_find(struct store *s, const char *key, bool may_block, struct store_file *out,
			   struct mg_err *err)
{
	const int fd = beneath_open(&s->tree, key, O_RDONLY, may_block);
	if (fd == -EAGAIN && !may_block) return STORE_WOULD_BLOCK;
	if (fd < 0) return fault(key, -fd, err);
	struct stat st;
	if (fstat(fd, &st) != 0) {
		err_errno(err, errno, "store: cannot stat %s", key);
		close(fd);
		return STORE_FAULT;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE, "store: %s is not a regular file", key);
		return STORE_FAULT;
	}
	*out = (struct store_file){
		.fd = fd,
		.size = (uint64_t)st.st_size,
		.mtime_ns = nanoseconds(st.st_mtim),
		.ctime_ns = nanoseconds(st.st_ctim),
		.inode = st.st_ino,
		.settling = is_settling(&st),
	};
	return STORE_HIT;
}

static enum store_find read_all(const struct store_file *f, const char *key, bool may_block,
				struct mg_buf *out, struct mg_err *err)
{
	char *to = buf_reserve(out, f->size);
	for (size_t done = 0; done < f->size;) {
		struct iovec iov = { .iov_base = to + done, .iov_len = f->size - done };
		const ssize_t n = preadv2(f->fd, &iov, 1, (off_t)done, may_block ? 0 : RWF_NOWAIT);
		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n == 0) {
			err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
				"store: %s ends after %zu of %llu bytes", key, done,
				(unsigned long long)f->size);
			return STORE_FAULT;
		}
		if (errno == EINTR) continue;
		if (!may_block && (errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS))
			return STORE_WOULD_BLOCK;
		err_errno(err, errno, "store: cannot read %s", key);
		return STORE_FAULT;
	}
	out->n += f->size;
	return STORE_HIT;
}

enum store_find store_read_file(const struct store_file *f, const char *key, bool may_block,
				struct mg_buf *out, struct mg_err *err)
{
	buf_clear(out);
	if (f->size <= out->max) return read_all(f, key, may_block, out, err);
	err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
		"store: %s has %llu bytes where at most %zu are expected", key,
		(unsigned long long)f->size, out->max);
	return STORE_FAULT;
}

enum store_find store_read(struct store *s, const char *key, bool may_block, struct mg_buf *out,
			   struct store_file *meta_out, struct mg_err *err)
{
	struct store_file f;
	enum store_find found = store_find(s, key, may_block, &f, err);
	if (found != STORE_HIT) return found;
	found = store_read_file(&f, key, may_block, out, err);
	close(f.fd);
	f.fd = -1;
	if (found == STORE_HIT && meta_out != NULL) *meta_out = f;
	return found;
}
