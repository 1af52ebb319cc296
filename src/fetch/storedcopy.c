/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/storedcopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "fetch/ask.h"
#include "fetch/proof.h"
#include "fetch/ziphash.h"
#include "gomod/modfile.h"
#include "gomod/modzip.h"
#include "store/intake.h"
#include "store/provenance.h"
#include "store/verified.h"

#define KEY_MAX 16384
#define LOCKS   64
#define CHUNK   (256u << 10)

static pthread_mutex_t locks[LOCKS] = { [0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };

pthread_mutex_t *storedcopy_lock(const struct target *t)
{
	return &locks[(span_hash(t->epath) ^ span_hash(t->eversion)) % LOCKS];
}

enum mg_code storedcopy_set_aside(const struct job_means *m, const struct target *t,
				  const char *why, struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	store_key(t, &key);
	const enum mg_code rc = store_quarantine(m->store, buf_cstr(&key), why, err);
	buf_deinit(&key);
	if (rc == MG_OK && m->on_damage != NULL) m->on_damage(m->on_damage_arg);
	return rc;
}

/* --- as a flight sees it --- */

/* False: the bytes are not those on record; *err says all that helps whoever is told. */
static bool is_recorded(const struct target *t, const struct store_file *file,
			const uint8_t sha256[32], const struct provenance *known,
			struct mg_err *err)
{
	const struct provenance_artifact *record = &known->artifact[provenance_kind_of(t->kind)];
	char now[64], then[64], seen[21];
	if (record->size == file->size && memcmp(sha256, record->sha256, 32) == 0) return true;
	hex_encode(sha256, 32, now);
	hex_encode(record->sha256, 32, then);
	clock_rfc3339(known->first_seen_s, seen);
	err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
		"corrupt store: its SHA-256 is %.64s where %.64s was recorded, from %.80s; "
		"first seen %s",
		now, then, ask_name(record->origin), seen);
	return false;
}

/* Does the file agree with its record, as far as it has one? The front says that it does not; but the
 * front may have run out of descriptors or seen the disk hiccup, and its word must not cost the last copy
 * there is. False: it is damaged, *err says how. */
static bool is_sound(const struct job *j, const struct target *t, const struct store_file *file,
		     enum storedcopy *out, struct mg_err *err)
{
	struct provenance known;
	uint8_t sha256[32];
	enum mg_code rc = provenance_read(j->means->store, t, &known, err);
	*out = STOREDCOPY_GOOD;
	if (rc == MG_NOT_FOUND) return true;
	if (rc != MG_OK) {
		*out = STOREDCOPY_UNPROVEN;
		return true;
	}
	const struct provenance_artifact *record = &known.artifact[provenance_kind_of(t->kind)];
	if (!record->present) return true;
	rc = verified_hash(file, sha256, err);
	if (rc == MG_CORRUPT) return false;
	if (rc != MG_OK) {
		*out = STOREDCOPY_UNREADABLE;
		return true;
	}
	return is_recorded(t, file, sha256, &known, err);
}

/* Two looks a moment apart: another thread may have healed it in between, and the new copy must not be
 * blamed for what the old one was. */
static enum storedcopy_state blame(const struct job *j, const struct target *t,
				   const struct store_file *seen, struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct mg_err why = *err;
	struct store_file now;
	enum storedcopy_state state = STOREDCOPY_ABSENT;
	store_key(t, &key);
	pthread_mutex_lock(storedcopy_lock(t));
	const enum store_find found = store_find(j->means->store, buf_cstr(&key), true, &now, err);
	if (found == STORE_HIT) close(now.fd);
	const bool same = found == STORE_HIT && seen != NULL && now.inode == seen->inode &&
			  now.ctime_ns == seen->ctime_ns;
	if (found == STORE_HIT && !same)
		state = STOREDCOPY_SOUND;
	else if (found != STORE_MISS)
		state = storedcopy_set_aside(j->means, t, why.text, err) == MG_OK
				? STOREDCOPY_DAMAGED
				: STOREDCOPY_TROUBLED;
	pthread_mutex_unlock(storedcopy_lock(t));
	if (state == STOREDCOPY_DAMAGED) *err = why;
	buf_deinit(&key);
	return state;
}

/* What is said to be stored is to outlive a power loss; who commits it holds the lock until it will. */
static void wait_for_commit(const struct target *t)
{
	pthread_mutex_lock(storedcopy_lock(t));
	pthread_mutex_unlock(storedcopy_lock(t));
}

enum mg_code storedcopy_look(const struct job *j, const struct target *t, bool damaged,
			     enum storedcopy *out, struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct store_file file;
	bool sound = true;
	store_key(t, &key);
	const enum store_find found = store_find(j->means->store, buf_cstr(&key), true, &file, err);
	buf_deinit(&key);
	switch (found) {
	case STORE_HIT:
		*out = STOREDCOPY_GOOD;
		if (file.settling) wait_for_commit(t);
		if (damaged) sound = is_sound(j, t, &file, out, err);
		close(file.fd);
		break;
	case STORE_FAULT:
		sound = err->code != MG_CORRUPT;
		if (!sound) err_wrap(err, "corrupt store");
		*out = STOREDCOPY_UNREADABLE;
		break;
	case STORE_MISS:
	case STORE_WOULD_BLOCK:
		*out = STOREDCOPY_NONE;
	}
	if (sound) return MG_OK;
	*out = STOREDCOPY_NONE;
	switch (blame(j, t, found == STORE_HIT ? &file : NULL, err)) {
	case STOREDCOPY_SOUND:
		*out = STOREDCOPY_GOOD;
		break;
	case STOREDCOPY_TROUBLED:
		return err->code;
	default:
		break;
	}
	return MG_OK;
}

/* What was copied into the store has no record before this, and what cannot be read is none. *differs: it
 * is no such artifact. */
static enum mg_code record_stored(const struct job *j, const struct target *t, bool *differs,
				  struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct store_file file;
	*differs = false;
	store_key(t, &key);
	const enum store_find found = store_find(j->means->store, buf_cstr(&key), true, &file, err);
	buf_deinit(&key);
	if (found != STORE_HIT)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE, "the stored copy is gone");
	const enum intake taken =
		intake_file(j->means->store, t, file.fd, "found in the store", SPAN(""), err);
	close(file.fd);
	*differs = taken == INTAKE_REFUSED || taken == INTAKE_CONFLICT;
	return taken == INTAKE_ADDED || taken == INTAKE_SAME ? MG_OK : err->code;
}

enum mg_code storedcopy_prove(const struct job *j, const struct target *t, bool *gone,
			      struct mg_err *err)
{
	struct proof_word word;
	*gone = false;
	if (!proof_is_due(j->means, t->path)) return MG_OK;
	proof_ask(j, t, false, &word);
	pthread_mutex_lock(storedcopy_lock(t));
	enum mg_code rc = proof_stored(j, t, &word, gone, err);
	const bool unreadable = rc == MG_CORRUPT && err->cause == MG_CAUSE_STORAGE;
	/* Bytes that had a record want more than the benefit of the doubt. */
	if (rc == MG_NOT_FOUND || (unreadable && word.asked && word.code == MG_OK)) {
		rc = record_stored(j, t, gone, err);
		if (rc == MG_OK) rc = proof_stored(j, t, &word, gone, err);
	}
	if (*gone) {
		struct mg_err why = *err;
		rc = storedcopy_set_aside(j->means, t, why.text, err);
		*gone = rc == MG_OK;
	}
	pthread_mutex_unlock(storedcopy_lock(t));
	return rc;
}

/* --- the whole check --- */

/* As verified_hash, but it can be stopped. cold: what has to be read from the disk is not left in memory. */
static enum mg_code hash_file(const struct job *j, const struct store_file *f, bool cold,
			      uint8_t sha256[32], struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	struct sha256 hash;
	char *chunk = check_malloc(CHUNK);
	sha256_init(&hash);
	/* Without it the kernel would read ahead what then looks as if somebody had wanted it. */
	if (cold) posix_fadvise(f->fd, 0, 0, POSIX_FADV_RANDOM);
	for (uint64_t done = 0; done < f->size && rc == MG_OK;) {
		const uint64_t left = f->size - done;
		struct iovec iov = { .iov_base = chunk, .iov_len = left < CHUNK ? left : CHUNK };
		ssize_t n = cold ? preadv2(f->fd, &iov, 1, (off_t)done, RWF_NOWAIT) : -1;
		const bool was_cold = n < 0;
		if (was_cold) n = pread(f->fd, chunk, iov.iov_len, (off_t)done);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) {
			rc = err_errno(err, errno, "store: cannot read a stored file");
		} else if (n == 0) {
			rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
				     "corrupt store: a stored file ends early");
		} else if (cancel_is_set(j->cancel)) {
			rc = err_set(err, MG_CANCELED, MG_CAUSE_NONE, "stopped");
		} else {
			sha256_update(&hash, span_make(chunk, (size_t)n));
			if (cold && was_cold)
				posix_fadvise(f->fd, (off_t)done, n, POSIX_FADV_DONTNEED);
			done += (uint64_t)n;
		}
	}
	sha256_final(&hash, sha256);
	free(chunk);
	return rc;
}

static enum mg_code read_at(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	const struct store_file *f = arg;
	for (size_t done = 0; done < n;) {
		const ssize_t got =
			pread(f->fd, (char *)out + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR) continue;
		if (got <= 0)
			return err_errno(err, got < 0 ? errno : EIO,
					 "store: cannot read a stored file");
		done += (size_t)got;
	}
	return MG_OK;
}

/* Of the bytes, not of the record: both may have been changed together. */
static enum mg_code hash_h1(const struct target *t, struct store_file *f, char out[DIRHASH_SIZE],
			    struct mg_err *err)
{
	const struct zipsource source = { read_at, f, f->size };
	struct modzip_report report;
	enum mg_code rc = MG_OK;
	if (t->kind == TARGET_ZIP) {
		rc = modzip_check(&source, t->path, t->version, NULL, &report, err);
		if (rc == MG_OK) memcpy(out, report.h1, DIRHASH_SIZE);
	} else if (f->size > MODFILE_MAX) {
		rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE, "it is too long for a go.mod");
	} else {
		char *bytes = check_malloc(f->size + 1);
		rc = read_at(f, 0, bytes, f->size, err);
		if (rc == MG_OK) dirhash_gomod(span_make(bytes, f->size), out);
		free(bytes);
	}
	return rc;
}

static enum storedcopy_state take_in(const struct job *j, const struct target *t,
				     const struct store_file *seen, struct mg_err *err)
{
	bool differs;
	pthread_mutex_lock(storedcopy_lock(t));
	const enum mg_code rc = record_stored(j, t, &differs, err);
	pthread_mutex_unlock(storedcopy_lock(t));
	if (rc == MG_OK) return STOREDCOPY_SOUND;
	if (!differs) return STOREDCOPY_TROUBLED;
	err_wrap(err, "corrupt store: found without a record, and refused");
	return blame(j, t, seen, err);
}

/* CORRUPT: it is not what the record says. */
static enum mg_code compare(const struct job *j, const struct target *t, struct store_file *f,
			    const struct provenance *known, const struct storedcopy_check *check,
			    struct mg_err *err)
{
	const struct provenance_artifact *record = &known->artifact[provenance_kind_of(t->kind)];
	uint8_t sha256[32];
	char h1[DIRHASH_SIZE] = "";
	enum mg_code rc = hash_file(j, f, check->keep_cold, sha256, err);
	if (rc != MG_OK) return rc;
	if (!is_recorded(t, f, sha256, known, err)) return MG_CORRUPT;
	if (!check->thorough || t->kind == TARGET_INFO) return MG_OK;
	rc = hash_h1(t, f, h1, err);
	if (rc != MG_OK) {
		if (err->cause != MG_CAUSE_STORAGE) err_wrap(err, "corrupt store");
		return rc;
	}
	if (strcmp(h1, record->h1) == 0) return MG_OK;
	return err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE,
		       "corrupt store: it is %s where %s was recorded", h1, record->h1);
}

static enum storedcopy_state prove(const struct job *j, const struct target *t,
				   const struct store_file *seen, bool again, struct mg_err *err)
{
	struct proof_word word;
	bool differs;
	if (t->kind == TARGET_INFO || !proof_is_due(j->means, t->path)) return STOREDCOPY_SOUND;
	proof_ask(j, t, again, &word);
	pthread_mutex_lock(storedcopy_lock(t));
	const enum mg_code rc = proof_stored(j, t, &word, &differs, err);
	pthread_mutex_unlock(storedcopy_lock(t));
	if (rc == MG_OK) return STOREDCOPY_SOUND;
	return differs ? blame(j, t, seen, err) : STOREDCOPY_UNASKED;
}

static bool is_proven(const struct job *j, const struct target *t,
		      const struct provenance_artifact *record)
{
	return t->kind == TARGET_INFO || !proof_is_due(j->means, t->path) ||
	       proof_is_recorded(j->means, record);
}

static enum storedcopy_state check_file(const struct job *j, const struct target *t,
					struct store_file *f, struct storedcopy_check *check,
					struct mg_err *err)
{
	struct provenance known;
	const struct provenance_artifact *record = &known.artifact[provenance_kind_of(t->kind)];
	enum mg_code rc = provenance_read(j->means->store, t, &known, err);
	if (rc == MG_OK && !record->present) rc = MG_NOT_FOUND;
	if (check->look_only) {
		if (rc == MG_OK) rc = compare(j, t, f, &known, check, err);
		return rc == MG_OK && is_proven(j, t, record) ? STOREDCOPY_SOUND
							      : STOREDCOPY_SUSPECT;
	}
	if (rc == MG_NOT_FOUND) {
		const enum storedcopy_state state = take_in(j, t, f, err);
		return state == STOREDCOPY_SOUND ? prove(j, t, f, false, err) : state;
	}
	if (rc != MG_OK) {
		err_wrap(err, "corrupt store: its record cannot be read");
		return STOREDCOPY_TROUBLED;
	}
	rc = compare(j, t, f, &known, check, err);
	if (rc == MG_CORRUPT) return blame(j, t, f, err);
	if (rc != MG_OK) return STOREDCOPY_TROUBLED;
	if (check->thorough && t->kind == TARGET_ZIP)
		check->mended = ziphash_mend(j->means->store, t, record->h1);
	return prove(j, t, f, check->thorough, err);
}

enum storedcopy_state storedcopy_check(const struct job *j, const struct target *t,
				       struct storedcopy_check *check, struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct store_file file;
	enum storedcopy_state state = STOREDCOPY_ABSENT;
	check->bytes = 0;
	check->mended = false;
	store_key(t, &key);
	switch (store_find(j->means->store, buf_cstr(&key), true, &file, err)) {
	case STORE_HIT:
		check->bytes = file.size;
		state = check_file(j, t, &file, check, err);
		close(file.fd);
		break;
	case STORE_FAULT:
		state = check->look_only ? STOREDCOPY_SUSPECT : STOREDCOPY_TROUBLED;
		if (check->look_only || err->code != MG_CORRUPT) break;
		err_wrap(err, "corrupt store");
		state = blame(j, t, NULL, err);
		break;
	case STORE_MISS:
	case STORE_WOULD_BLOCK:
		break;
	}
	buf_deinit(&key);
	return state;
}
