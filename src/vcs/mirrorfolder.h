/* SPDX-License-Identifier: Apache-2.0 */
/* A mirror on disk: a bare repository in a folder of its own, made without git, cleaned of what a killed git left
 * behind, measured and removed. Paths are absolute. Never follows a symbolic link. Any thread; one at a time per
 * folder, but for measuring. */
#ifndef VCS_MIRRORFOLDER_H
#define VCS_MIRRORFOLDER_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* An empty repository at path instead of whatever stands there, complete or not there at all; hash_n: 40 for SHA-1,
 * 64 for SHA-256. url is kept in its `description`, for people. MG_UNAVAILABLE (STORAGE). */
MG_CHECK enum mg_code mirrorfolder_make(const char *path, size_t hash_n, const char *url,
					struct mg_err *err);
/* Is there one, of that kind, and with the attributes that every archive needs? */
bool mirrorfolder_fits(const char *path, size_t hash_n);
/* Lock files, half packs, half objects. No git may be writing. */
void mirrorfolder_clean(const char *path);
/* Moves it aside and deletes it. No git may be writing; one that reads fails. */
void mirrorfolder_remove(const char *path);
/* The first half of that, which takes no time. NULL: there is nothing, or it cannot be moved. */
char *mirrorfolder_set_aside(const char *path);
/* The second: deletes what was set aside, and frees its path; fine on NULL. */
void mirrorfolder_delete(char *aside);
/* Has it only the newest commits of some refs? */
bool mirrorfolder_is_shallow(const char *path);
/* Which commits are there without their history: their hashes, LF behind each. MG_NOT_FOUND: it has all history, or
 * there are more than the buffer holds. */
MG_CHECK enum mg_code mirrorfolder_read_shallow(const char *path, struct mg_buf *out,
						struct mg_err *err);
/* Begins the taking of one more, besides those in have: `shallow.lock` says so, as git would have it say. Until
 * mirrorfolder_take, or mirrorfolder_clean, nobody else may. MG_UNAVAILABLE (STORAGE). */
MG_CHECK enum mg_code mirrorfolder_lock_shallow(const char *path, struct mg_span have,
						struct mg_span commit, struct mg_err *err);
/* Its objects have come: a ref of its own keeps it, so that git need not be sent it again. is_shallow: without its
 * history, else it has none. MG_UNAVAILABLE (STORAGE). */
MG_CHECK enum mg_code mirrorfolder_take(const char *path, struct mg_span commit, bool is_shallow,
					struct mg_err *err);
/* Bytes of all its files, and their packs. */
void mirrorfolder_measure(const char *path, uint64_t *bytes, size_t *packs);
/* When it was last of use, in seconds since 1970; 0: no such folder. */
int64_t mirrorfolder_used(const char *path);
void mirrorfolder_touch(const char *path);
/* Makes the folder of all mirrors, for us alone, and removes halves of them. MG_UNAVAILABLE (STORAGE). */
MG_CHECK enum mg_code mirrorfolder_prepare(const char *folder, struct mg_err *err);

#endif
