/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"

#define LOCK_WAIT_MS  2000
#define LOCK_PAUSE_NS (20 * 1000 * 1000)

static const char *const store_folders[] = { "modules",    "sumdb", "tmp",
					     "quarantine", "meta",  "audit" };

bool store_has_folder(const char *name)
{
	for (size_t i = 0; i < sizeof store_folders / sizeof store_folders[0]; i++)
		if (strcmp(name, store_folders[i]) == 0) return true;
	return false;
}

static int sync_parent(const struct io *io, const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	if (n == 0) {
		parent[0] = slash == NULL ? '.' : '/';
		parent[1] = '\0';
	} else {
		memcpy(parent, path, n);
		parent[n] = '\0';
	}
	const int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return -errno;
	const int rc = io_fsync_folder(io, fd);
	close(fd);
	return rc;
}

/* mkdir -p */
static int make_root(const struct io *io, const char *root)
{
	char path[PATH_MAX];
	const size_t n = strlen(root);
	if (n == 0) return -ENOENT;
	if (n >= sizeof path) return -ENAMETOOLONG;
	memcpy(path, root, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0') continue;
		path[i] = '\0';
		struct stat st;
		if (stat(path, &st) != 0) {
			int rc = io_mkdir(io, AT_FDCWD, path);
			if (rc == 0) rc = sync_parent(io, path);
			if (rc != 0 && rc != -EEXIST) return rc;
		}
		path[i] = i < n ? '/' : '\0';
	}
	return 0;
}

/* Who was killed a moment ago holds the lock until the kernel has taken all of it apart. */
static int wait_for_lock(int fd)
{
	const uint64_t end_ms = clock_mono_ms() + LOCK_WAIT_MS;
	for (;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
		if (errno != EWOULDBLOCK || clock_mono_ms() >= end_ms) return -errno;
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_PAUSE_NS }, NULL);
	}
}

/* The file stays for ever: removing it would let two processes lock two different files. */
static enum mg_code take_lock(struct store *s, struct mg_err *err)
{
	const int lock = io_open_or_create(&s->io, s->root, "lock");
	struct stat ours, given;
	if (lock < 0) return err_errno(err, -lock, "store %s: cannot open its lock", s->path);
	if (s->lock < 0) {
		s->lock = lock;
	} else {
		const bool same = fstat(lock, &ours) == 0 && fstat(s->lock, &given) == 0 &&
				  ours.st_dev == given.st_dev && ours.st_ino == given.st_ino;
		close(lock);
		if (!same)
			return err_set(err, MG_INVALID, MG_CAUSE_STORAGE,
				       "store %s: it was replaced by another while it was in use",
				       s->path);
	}
	char who[24] = "";
	const int locked = wait_for_lock(s->lock);
	if (locked != 0) {
		if (locked != -EWOULDBLOCK)
			return err_errno(err, -locked, "store %s: cannot lock it", s->path);
		const ssize_t n = pread(s->lock, who, sizeof who - 1, 0);
		const int digits = n > 0 ? (int)strspn(who, "0123456789") : 0;
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE,
			       "store %s: process %.*s is writing to it; stop that one first",
			       s->path, digits > 0 ? digits : 1, digits > 0 ? who : "?");
	}
	const int n = snprintf(who, sizeof who, "%ld\n", (long)getpid());
	int rc = io_truncate(&s->io, s->lock);
	if (rc == 0) rc = io_write(&s->io, s->lock, span_make(who, (size_t)n), 0);
	/* The number is only for the message above: a full disk must not keep the store shut. */
	if (rc != 0) log_warn("store: cannot write the lock's owner", LOG_I("errno", -rc));
	return MG_OK;
}

/* What a crash left half written. Nobody else can be using it: the lock is ours. Who died between giving
 * a file its name and syncing the folder has left its name in tmp too: that file may be served from now
 * on, so it has to be durable first. */
static enum mg_code clear_tmp(struct store *s, struct mg_err *err)
{
	const int fd = openat(s->root, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		const int errnum = errno;
		if (fd >= 0) close(fd);
		return err_errno(err, errnum, "store %s: cannot read tmp", s->path);
	}
	enum mg_code rc = MG_OK;
	bool synced = false;
	for (struct dirent *e; rc == MG_OK && (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
		const int lost = synced ? 0 : io_sync_all(&s->io, fd);
		synced = true;
		if (lost != 0) {
			rc = err_errno(err, -lost, "store %s: cannot sync it", s->path);
			break;
		}
		const int gone = io_unlink(&s->io, fd, e->d_name);
		if (gone != 0 && gone != -ENOENT)
			rc = err_errno(err, -gone, "store %s: cannot remove tmp/%s", s->path,
				       e->d_name);
	}
	closedir(d);
	return rc;
}

static enum mg_code open_to_write(struct store *s, struct mg_err *err)
{
	enum mg_code rc = take_lock(s, err);
	if (rc != MG_OK) return rc;
	for (size_t i = 0; i < sizeof store_folders / sizeof store_folders[0]; i++) {
		const int made = io_mkdir(&s->io, s->root, store_folders[i]);
		if (made != 0 && made != -EEXIST)
			return err_errno(err, -made, "store %s: cannot make %s", s->path,
					 store_folders[i]);
	}
	const int synced = io_fsync_folder(&s->io, s->root);
	if (synced != 0) return err_errno(err, -synced, "store %s: cannot sync it", s->path);
	if ((rc = clear_tmp(s, err)) != MG_OK) return rc;
	s->tmp = openat(s->root, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->tmp < 0) return err_errno(err, errno, "store %s: cannot open tmp", s->path);
	return MG_OK;
}

/* lock: -1, or one that is held already, taken over. */
static enum mg_code open_store(const char *root, enum store_mode mode, int lock, struct store **out,
			       struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	struct store *s = check_calloc(1, sizeof *s);
	*s = (struct store){ .mode = mode, .root = -1, .tmp = -1, .lock = lock };
	s->path = check_strndup(root, strlen(root));
	folder_init(&s->folders);
	guard_init(&s->guard);
	if (mode == STORE_WRITE) {
		const int made = make_root(&s->io, root);
		if (made != 0) {
			rc = err_errno(err, -made, "store %s: cannot make it", root);
			goto out;
		}
	}
	s->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0) {
		rc = err_errno(err, errno, "store %s: cannot open it", root);
		goto out;
	}
	beneath_init(&s->tree, s->root);
	if (mode == STORE_WRITE) rc = open_to_write(s, err);
out:
	if (rc == MG_OK) {
		*out = s;
	} else {
		store_close(&s);
	}
	return rc;
}

enum mg_code store_open(const char *root, enum store_mode mode, struct store **out,
			struct mg_err *err)
{
	return open_store(root, mode, -1, out, err);
}

enum mg_code store_open_locked(const char *root, int lock, struct store **out, struct mg_err *err)
{
	return open_store(root, STORE_WRITE, lock, out, err);
}

int store_lock(const struct store *s)
{
	return s->lock;
}

void store_close(struct store **store)
{
	struct store *s = *store;
	*store = NULL;
	if (s == NULL) return;
	if (s->root >= 0) close(s->root);
	if (s->tmp >= 0) close(s->tmp);
	if (s->lock >= 0) close(s->lock);
	folder_deinit(&s->folders);
	guard_deinit(&s->guard);
	free(s->path);
	free(s);
}

void store_key(const struct target *t, struct mg_buf *out)
{
	buf_append_str(out, "modules/");
	target_file(t, out);
}
