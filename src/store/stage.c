/* SPDX-License-Identifier: Apache-2.0 */
#include "store/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/sha256.h"
#include "store/store_internal.h"

struct stage {
	struct store *store;
	int fd;
	int errnum; /* why it can no longer be committed; 0: it can */
	bool lost;  /* an fsync failed: not even a reset helps */
	bool moved; /* the tmp name is gone */
	uint64_t size;
	struct sha256 hash;
	char name[24];
};

enum mg_code stage_new(struct store *s, struct stage **out, struct mg_err *err)
{
	MG_ASSERT(s->mode == STORE_WRITE);
	const enum mg_code rc = guard_admit(&s->guard, clock_mono_ms(), err);
	if (rc != MG_OK) return rc;
	struct stage *st = check_calloc(1, sizeof *st);
	st->store = s;
	snprintf(st->name, sizeof st->name, "%" PRIu64, s->next_name++);
	st->fd = io_create(&s->io, s->tmp, st->name);
	if (st->fd < 0) {
		const int errnum = -st->fd;
		free(st);
		return store_fail(s, err, errnum, "cannot create a file in", "tmp");
	}
	sha256_init(&st->hash);
	*out = st;
	return MG_OK;
}

enum mg_code stage_write(struct stage *st, struct mg_span bytes, struct mg_err *err)
{
	if (st->errnum == 0) {
		const int rc = io_write(&st->store->io, st->fd, bytes, (off_t)st->size);
		if (rc == 0) {
			sha256_update(&st->hash, bytes);
			st->size += bytes.n;
			return MG_OK;
		}
		st->errnum = -rc;
	}
	return store_fail(st->store, err, st->errnum, "cannot write", "tmp");
}

enum mg_code stage_reset(struct stage *st, struct mg_err *err)
{
	if (st->lost) return store_fail(st->store, err, st->errnum, "cannot reuse", "tmp");
	st->errnum = -io_truncate(&st->store->io, st->fd);
	if (st->errnum != 0) return store_fail(st->store, err, st->errnum, "cannot empty", "tmp");
	st->size = 0;
	sha256_deinit(&st->hash);
	sha256_init(&st->hash);
	return MG_OK;
}

enum mg_code stage_known_at(struct stage *st, int64_t wall_s, struct mg_err *err)
{
	const int rc = io_utimes(&st->store->io, st->fd, wall_s);
	return rc == 0 ? MG_OK : store_fail(st->store, err, -rc, "cannot date", "tmp");
}

enum mg_code stage_open(const struct stage *st, int *fd, struct mg_err *err)
{
	*fd = openat(st->store->tmp, st->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *fd >= 0 ? MG_OK : err_errno(err, errno, "opening a staged file");
}

void stage_start_sync(struct stage *st)
{
	/* Best effort: the commit syncs, and hears of errors. */
	(void)sync_file_range(st->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int stage_fd(const struct stage *st)
{
	return st->fd;
}

enum mg_code stage_read(const struct stage *st, uint64_t offset, void *out, size_t n,
			struct mg_err *err)
{
	for (size_t done = 0; done < n;) {
		const ssize_t got =
			pread(st->fd, (char *)out + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0)
			return err_errno(err, got < 0 ? errno : EIO, "reading back a staged file");
		done += (size_t)got;
	}
	return MG_OK;
}

uint64_t stage_size(const struct stage *st)
{
	return st->size;
}

void stage_sha256(const struct stage *st, uint8_t out[32])
{
	sha256_peek(&st->hash, out);
}

void stage_free(struct stage **stage)
{
	struct stage *st = *stage;
	*stage = NULL;
	if (st == NULL) return;
	close(st->fd);
	/* What stays behind is removed when the store is next opened. */
	const int rc = st->moved ? 0 : io_unlink(&st->store->io, st->store->tmp, st->name);
	if (rc != 0 && rc != -ENOENT)
		log_warn("store: cannot remove a tmp file", LOG_I("errno", -rc));
	sha256_deinit(&st->hash);
	free(st);
}

/* Somebody was first: fine, if what stands there is a file at all. */
static int accept_first(int folder, const char *name)
{
	struct stat st;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EISDIR;
}

static int sync_folder(struct stage *st, int folder)
{
	const int rc = io_fsync_folder(&st->store->io, folder);
	if (rc != 0) {
		st->errnum = -rc;
		st->lost = true;
	}
	return rc;
}

static int create_at(struct stage *st, int folder, const char *name)
{
	struct store *s = st->store;
	int rc = io_link(&s->io, s->tmp, st->name, folder, name);
	const bool linked = rc == 0;
	if (rc == -EEXIST) rc = accept_first(folder, name);
	/* Also when another was first: it may not have come this far before it died. */
	if (rc == 0) rc = sync_folder(st, folder);
	/* A name that may vanish with the power must not be found by the next asker. */
	if (rc != 0 && linked) (void)io_unlink(&s->io, folder, name);
	return rc;
}

/* If the sync of the folder fails the new bytes stay: old or new, both were true in their time, and
 * removing the name would lose the old one too. The caller still hears of the error. */
static int replace_at(struct stage *st, int folder, const char *name)
{
	struct store *s = st->store;
	const int rc = io_rename(&s->io, s->tmp, st->name, folder, name);
	if (rc != 0) return rc;
	st->moved = true;
	return sync_folder(st, folder);
}

enum mg_code stage_commit(struct stage **stage, const char *key, enum stage_how how,
			  struct mg_err *err)
{
	struct stage *st = *stage;
	struct store *s = st->store;
	enum mg_code code = guard_admit(&s->guard, clock_mono_ms(), err);
	if (code != MG_OK) return code;
	if (st->errnum != 0) return store_fail(s, err, st->errnum, "cannot commit", key);
	int rc = io_fsync(&s->io, st->fd);
	if (rc != 0) {
		st->errnum = -rc;
		st->lost = true;
		return store_fail(s, err, -rc, "cannot sync", key);
	}
	const char *name;
	const int folder = folder_make(s, key, &name);
	if (folder < 0) return store_fail(s, err, -folder, "cannot make the folder of", key);
	rc = how == STAGE_CREATE ? create_at(st, folder, name) : replace_at(st, folder, name);
	close(folder);
	if (rc != 0) return store_fail(s, err, -rc, "cannot commit", key);
	stage_free(stage);
	return MG_OK;
}
