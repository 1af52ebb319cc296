/* SPDX-License-Identifier: Apache-2.0 */
/* The small writes of store.h. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/random.h"
#include "store/store_internal.h"

enum mg_code store_fail(struct store *s, struct mg_err *err, int errnum, const char *what,
			const char *key)
{
	guard_note(&s->guard, errnum, clock_mono_ms());
	err_errno(err, errnum, "store: %s %s", what, key);
	enum mg_code code;
	switch (errnum) {
	case ENAMETOOLONG:
		code = MG_INVALID;
		break;
	case ELOOP:
	case ENOTDIR:
	case EISDIR:
		code = MG_CORRUPT;
		break;
	default:
		/* ENOENT too: a store whose folder was taken away proves nothing absent. */
		code = MG_UNAVAILABLE;
	}
	if (err != NULL) err->code = code;
	return code;
}

enum mg_code store_put(struct store *s, const char *key, struct mg_span bytes, enum stage_how how,
		       struct mg_err *err)
{
	struct stage *st = NULL;
	enum mg_code rc = stage_new(s, &st, err);
	if (rc == MG_OK) rc = stage_write(st, bytes, err);
	if (rc == MG_OK) rc = stage_commit(&st, key, how, err);
	stage_free(&st);
	return rc;
}

/* Not synced: a time lost with the power makes the file look older than it is, which costs one
 * question to the origin. */
enum mg_code store_touch(struct store *s, const char *key, struct mg_err *err)
{
	struct mg_err local;
	if (err == NULL) err = &local;
	struct store_file f;
	switch (store_find(s, key, true, &f, err)) {
	case STORE_HIT:
		break;
	case STORE_MISS:
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "store: no %s to touch", key);
	default:
		return err->code;
	}
	const int rc = io_utimes(&s->io, f.fd, IO_NOW);
	close(f.fd);
	return rc == 0 ? MG_OK : store_fail(s, err, -rc, "cannot touch", key);
}

/* Cuts path after its first part that is not a folder, if there is one. */
static void cut_at_obstacle(struct store *s, char *path)
{
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		struct stat st;
		*slash = '\0';
		const bool obstacle = fstatat(s->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				      !S_ISDIR(st.st_mode);
		if (obstacle) return;
		*slash = '/';
	}
}

static void write_note(struct store *s, int folder, const char *name, const char *key,
		       const char *why)
{
	char note_name[80];
	char note[PATH_MAX + MG_ERR_TEXT + 64];
	char when[21];
	clock_rfc3339(clock_wall_s(), when);
	const int n = snprintf(note, sizeof note, "%s\n%s\n%s\n", when, key, why);
	snprintf(note_name, sizeof note_name, "%s.why", name);
	const int fd = io_create(&s->io, folder, note_name);
	int rc = fd < 0 ? fd : 0;
	if (rc == 0) {
		const size_t len = (size_t)n < sizeof note ? (size_t)n : sizeof note - 1;
		rc = io_write(&s->io, fd, span_make(note, len), 0);
		close(fd);
	}
	/* The evidence itself is there; a full disk must not stop the healing. */
	if (rc != 0) log_warn("store: no note beside a quarantined file", LOG_I("errno", -rc));
}

/* A link, pipe or device goes if it cannot be moved: the sandbox lets nobody make such things. */
static int put_away(struct store *s, int from, const char *name, int to, const char *to_name)
{
	struct stat st;
	const int rc = io_rename(&s->io, from, name, to, to_name);
	if (rc != -EACCES || fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return rc;
	return io_unlink(&s->io, from, name);
}

enum mg_code store_quarantine(struct store *s, const char *key, const char *why, struct mg_err *err)
{
	MG_ASSERT(s->mode == STORE_WRITE);
	char path[PATH_MAX];
	const int n = snprintf(path, sizeof path, "%s", key);
	if (n < 0 || (size_t)n >= sizeof path) return MG_OK; /* cannot stand there */
	cut_at_obstacle(s, path);
	const char *from_name;
	const int from = folder_open(s, path, &from_name);
	if (from == -ENOENT) return MG_OK;
	if (from < 0) return store_fail(s, err, -from, "cannot open the folder of", path);

	uint32_t salt;
	char to_name[64];
	char to_key[96];
	random_bytes(&salt, sizeof salt);
	snprintf(to_name, sizeof to_name, "%" PRId64 "-%08" PRIx32, clock_wall_s(), salt);
	snprintf(to_key, sizeof to_key, "quarantine/%s", to_name);
	const char *ignored;
	const int to = folder_make(s, to_key, &ignored);
	int rc = to < 0 ? to : put_away(s, from, from_name, to, to_name);
	if (rc == 0) {
		write_note(s, to, to_name, path, why);
		rc = io_fsync_folder(&s->io, from);
		log_warn("store: quarantined", LOG_S("key", path), LOG_S("why", why),
			 LOG_S("as", to_name));
	}
	if (to >= 0) close(to);
	close(from);
	if (rc == 0 || rc == -ENOENT) return MG_OK;
	return store_fail(s, err, -rc, "cannot quarantine", path);
}
