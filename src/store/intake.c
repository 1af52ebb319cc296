/* SPDX-License-Identifier: Apache-2.0 */
#include "store/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "gomod/dirhash.h"
#include "gomod/info.h"
#include "gomod/modzip.h"
#include "store/provenance.h"
#include "store/store_internal.h"
#include "store/verified.h"

#define CHUNK    (256u << 10)
#define INFO_MAX (64u << 10)
#define KEY_MAX  (1u << 16)

struct intake_job {
	struct store *store;
	const struct target *target;
	const char *key;
	struct store_file file; /* of the source */
	struct provenance_artifact artifact;
	struct mg_span h1;
};

static uint64_t size_max(enum target_kind kind)
{
	return kind == TARGET_ZIP ? MODZIP_MAX : kind == TARGET_MOD ? MODZIP_SPECIAL_MAX : INFO_MAX;
}

static enum intake refuse(struct mg_err *err, const char *why)
{
	err_set(err, MG_CORRUPT, MG_CAUSE_NONE, "%s", why);
	return INTAKE_REFUSED;
}

/* The store has a file of this name: whose bytes are right? Sets *go_on when the source is still to be
 * committed. */
static enum intake compare(struct intake_job *j, const struct store_file *kept, bool *go_on,
			   struct mg_err *err)
{
	uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE] = { 0 };
	struct provenance p = { 0 };
	const struct provenance_artifact *record = &p.artifact[provenance_kind_of(j->target->kind)];
	*go_on = false;
	if (verified_hash(kept, ours, err) != MG_OK ||
	    verified_hash(&j->file, theirs, err) != MG_OK)
		return INTAKE_FAULT;
	const enum mg_code rc = provenance_read(j->store, j->target, &p, err);
	if (rc != MG_OK && rc != MG_NOT_FOUND && rc != MG_CORRUPT) return INTAKE_FAULT;
	const bool recorded = rc == MG_OK && record->present;
	if (kept->size == j->file.size && memcmp(ours, theirs, sizeof ours) == 0) {
		/* The same bytes without a record, or with a wrong one, are given the right one. */
		*go_on = !recorded || memcmp(record->sha256, ours, sizeof ours) != 0;
		return INTAKE_SAME;
	}
	if (recorded && memcmp(record->sha256, theirs, sizeof theirs) == 0) {
		/* What is stored was damaged after it was recorded, and here are the right bytes. */
		*go_on = true;
		return store_quarantine(j->store, j->key, "disagrees with its record", err) == MG_OK
			       ? INTAKE_ADDED
			       : INTAKE_FAULT;
	}
	err_set(err, MG_DENIED, MG_CAUSE_STORAGE,
		"the store has other bytes for it, and keeps them%s",
		recorded ? "" : " (they have no record)");
	return INTAKE_CONFLICT;
}

static enum mg_code copy(const struct intake_job *j, struct stage *st, struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	char *chunk = check_malloc(CHUNK);
	while (rc == MG_OK) {
		const uint64_t at = stage_size(st);
		if (at > size_max(j->target->kind)) break; /* it grew: refused by its size */
		const ssize_t n = pread(j->file.fd, chunk, CHUNK, (off_t)at);
		if (n == 0) break;
		if (n > 0)
			rc = stage_write(st, span_make(chunk, (size_t)n), err);
		else if (errno != EINTR)
			rc = err_errno(err, errno, "cannot read it");
	}
	free(chunk);
	return rc;
}

static enum mg_code read_stage(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	const int fd = stage_fd(arg);
	for (size_t done = 0; done < n;) {
		const ssize_t got = pread(fd, (char *)out + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0) {
			err_errno(err, got < 0 ? errno : EIO, "store: cannot read back a tmp file");
			return MG_UNAVAILABLE;
		}
		done += (size_t)got;
	}
	return MG_OK;
}

static enum intake check_zip(struct intake_job *j, struct stage *st, struct mg_err *err)
{
	const struct zipsource source = { .read_at = read_stage,
					  .arg = st,
					  .size = stage_size(st) };
	struct modzip_report report;
	const enum mg_code rc =
		modzip_check(&source, j->target->path, j->target->version, NULL, &report, err);
	if (rc == MG_UNAVAILABLE) return INTAKE_FAULT;
	if (rc != MG_OK) return INTAKE_REFUSED;
	if (j->h1.n > 0 && !span_eq(j->h1, span_of(report.h1)))
		return refuse(err, "its hash is not the one the .ziphash beside it says");
	snprintf(j->artifact.h1, sizeof j->artifact.h1, "%s", report.h1);
	return INTAKE_ADDED;
}

static enum intake check_text(struct intake_job *j, struct stage *st, struct mg_err *err)
{
	struct arena arena = ARENA_INIT;
	enum intake result = INTAKE_ADDED;
	const size_t n = stage_size(st);
	char *bytes = check_malloc(n + 1);
	const struct mg_span text = span_make(bytes, n);
	if (read_stage(st, 0, bytes, n, err) != MG_OK) {
		result = INTAKE_FAULT;
	} else if (j->target->kind == TARGET_MOD) {
		dirhash_gomod(text, j->artifact.h1);
		if (n == 0) result = refuse(err, "it is empty");
	} else {
		struct info info;
		if (info_parse(text, j->target, &arena, &info, err) != MG_OK)
			result = INTAKE_REFUSED;
	}
	free(bytes);
	arena_deinit(&arena);
	return result;
}

static enum intake commit(struct intake_job *j, struct mg_err *err)
{
	struct stage *st = NULL;
	enum intake result = INTAKE_FAULT;
	if (stage_new(j->store, &st, err) != MG_OK || copy(j, st, err) != MG_OK) goto out;
	if (stage_size(st) > size_max(j->target->kind)) {
		result = refuse(err, "it is larger than the go command accepts");
		goto out;
	}
	result = j->target->kind == TARGET_ZIP ? check_zip(j, st, err) : check_text(j, st, err);
	if (result == INTAKE_ADDED &&
	    provenance_commit(j->store, j->target, &st, &j->artifact, err) != MG_OK)
		/* A name too long for the file system is the file's fault, not the store's. */
		result = err->code == MG_INVALID ? INTAKE_REFUSED : INTAKE_FAULT;
out:
	stage_free(&st);
	return result;
}

enum intake intake_file(struct store *s, const struct target *t, int fd, const char *origin,
			struct mg_span h1, struct mg_err *err)
{
	struct mg_err local;
	if (err == NULL) err = &local;
	struct stat st;
	if (fstat(fd, &st) != 0) {
		err_errno(err, errno, "cannot stat it");
		return INTAKE_FAULT;
	}
	if (!S_ISREG(st.st_mode)) return refuse(err, "it is not a regular file");
	if ((uint64_t)st.st_size > size_max(t->kind))
		return refuse(err, "it is larger than the go command accepts");

	struct mg_buf key = BUF_MAX(KEY_MAX);
	store_key(t, &key);
	struct intake_job j = {
		.store = s,
		.target = t,
		.key = buf_cstr(&key),
		.file = { .fd = fd, .size = (uint64_t)st.st_size },
		.artifact = { .fetched_s = clock_wall_s(), .verified = "none" },
		.h1 = h1,
	};
	snprintf(j.artifact.origin, sizeof j.artifact.origin, "%s", origin);

	struct store_file kept;
	bool go_on = true;
	enum intake result = INTAKE_ADDED;
	const enum store_find found = store_find(s, j.key, true, &kept, err);
	if (found == STORE_HIT) {
		result = compare(&j, &kept, &go_on, err);
		close(kept.fd);
	} else if (found == STORE_FAULT && err->code != MG_CORRUPT) {
		go_on = false;
		result = INTAKE_FAULT;
	}
	if (go_on) {
		const enum intake committed = commit(&j, err);
		if (committed != INTAKE_ADDED) result = committed;
	}
	buf_deinit(&key);
	return result;
}

enum intake intake_path(struct store *s, const struct target *t, int folder, const char *path,
			const char *origin, struct mg_span h1, struct mg_err *err)
{
	struct beneath tree;
	beneath_init(&tree, folder);
	const int fd = beneath_open(&tree, path, O_RDONLY, true);
	if (fd == -ELOOP || fd == -ENOTDIR || fd == -ENXIO)
		return refuse(err, "it is a symbolic link or special file");
	if (fd < 0) {
		err_errno(err, -fd, "cannot open it");
		return fd == -ENOENT || fd == -EACCES ? INTAKE_REFUSED : INTAKE_FAULT;
	}
	const enum intake result = intake_file(s, t, fd, origin, h1, err);
	close(fd);
	return result;
}
