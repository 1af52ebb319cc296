/* SPDX-License-Identifier: Apache-2.0 */
/* Takes one artifact into the store from a file somebody else wrote (a module cache, an Athens store):
 * checked as if an upstream had sent it. */
#ifndef STORE_INTAKE_H
#define STORE_INTAKE_H

#include "store/store.h"

enum intake {
	INTAKE_ADDED,
	INTAKE_SAME,     /* the store has the very bytes */
	INTAKE_CONFLICT, /* the store has other bytes, and keeps them; *err says so */
	INTAKE_REFUSED,  /* *err: what is wrong with the file */
	INTAKE_FAULT,    /* *err: what is wrong with the store, or reading the file failed */
};

/* t: kind INFO, MOD or ZIP (asserted). fd: a regular file, read from its beginning, stays the caller's.
 * origin goes into the record. h1: the hash a zip must have, or empty. Callers serialise per version. */
enum intake intake_file(struct store *s, const struct target *t, int fd, const char *origin,
			struct mg_span h1, struct mg_err *err);
/* Opens the regular file at path below folder (no symbolic links on the way) and takes it in.
 * MG_NOT_FOUND in *err with INTAKE_REFUSED: there is none. */
enum intake intake_path(struct store *s, const struct target *t, int folder, const char *path,
			const char *origin, struct mg_span h1, struct mg_err *err);

#endif
