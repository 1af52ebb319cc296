/* SPDX-License-Identifier: Apache-2.0 */
/* A file on its way into the store: written in tmp/, hashed as it grows, and made visible under its
 * key in one step. The store is open for writing. One thread at a time per stage; several stages at
 * once are fine. */
#ifndef STORE_STAGE_H
#define STORE_STAGE_H

#include "base/err.h"
#include "base/span.h"

struct store;
struct stage;

/* MG_UNAVAILABLE (STORAGE): the disk refuses, or the store does for now. */
MG_CHECK enum mg_code stage_new(struct store *s, struct stage **out, struct mg_err *err);
/* After a failure (a full disk: MG_UNAVAILABLE, STORAGE) only stage_reset and stage_free are left. */
MG_CHECK enum mg_code stage_write(struct stage *st, struct mg_span bytes, struct mg_err *err);
/* Back to empty: a transfer that starts over. */
MG_CHECK enum mg_code stage_reset(struct stage *st, struct mg_err *err);
/* The time the committed file will bear, in place of now: when its content was last known to be true.
 * After the last write. */
MG_CHECK enum mg_code stage_known_at(struct stage *st, int64_t wall_s, struct mg_err *err);
int stage_fd(const struct stage *st); /* readable at any offset, for checks before the commit */
/* Another descriptor of the file, the caller's, that can only read: for other processes. */
MG_CHECK enum mg_code stage_open(const struct stage *st, int *fd, struct mg_err *err);
/* What was written so far goes on its way to the disk, so that less is left to wait for at the commit. */
void stage_start_sync(struct stage *st);
/* Exactly n bytes from offset on, for the same. */
MG_CHECK enum mg_code stage_read(const struct stage *st, uint64_t offset, void *out, size_t n,
				 struct mg_err *err);
uint64_t stage_size(const struct stage *st);
void stage_sha256(const struct stage *st, uint8_t out[32]);
void stage_free(struct stage **st); /* an uncommitted file is removed */

enum stage_how {
	STAGE_CREATE, /* immutable: if the key exists already the first bytes win, and that is MG_OK */
	STAGE_REPLACE, /* list, @latest, queries */
};
/* fsync, rename or link into place, fsync of the folder and of every new folder above it. On MG_OK
 * *st is NULL and the bytes survive power loss. An fsync error drops the file and is never retried
 * as success. After three storage errors in 60 s the store refuses writes for 60 s (MG_UNAVAILABLE).
 * MG_INVALID: the key is longer than the file system's names may be. MG_CORRUPT: something that is
 * no plain file stands at the key, or no folder on the way to it (store_quarantine moves it). */
MG_CHECK enum mg_code stage_commit(struct stage **st, const char *key, enum stage_how how,
				   struct mg_err *err);

#endif
