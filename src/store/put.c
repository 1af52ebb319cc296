/* SPDX-License-Identifier: Apache-2.0 */
/* The small writes of store.h. */
#include "store/store.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
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

enum mg_code store_move(struct store *s, const char *key, const char *to_key, struct mg_err *err)
{
	const char *name, *to_name;
	int to = -1;
	const int from = folder_open(s, key, &name);
	int rc = from < 0 ? from : 0;
	if (rc == 0) {
		to = folder_make(s, to_key, &to_name);
		rc = to < 0 ? to : io_rename(&s->io, from, name, to, to_name);
		if (rc == 0) rc = io_fsync_folder(&s->io, to);
		if (rc == 0) rc = io_fsync_folder(&s->io, from);
	}
	if (from >= 0) close(from);
	if (to >= 0) close(to);
	if (rc == 0) return MG_OK;
	if (rc == -ENOENT)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "store: nothing stands at %s",
			       key);
	return store_fail(s, err, -rc, "cannot move", key);
}
