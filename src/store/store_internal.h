/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of a store, for the files of this room and its tests. */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "store/beneath.h"
#include "store/folder.h"
#include "store/guard.h"
#include "store/io.h"
#include "store/store.h"

/* The oldest evidence goes when there is more of it than that. */
#define QUARANTINE_FILES 256
#define QUARANTINE_BYTES (UINT64_C(1) << 30)

struct store {
	enum store_mode mode;
	char *path;
	struct io io; /* tests set the gate */
	int root;
	int tmp;  /* -1 when reading */
	int lock; /* -1 when reading */
	struct beneath tree;
	struct folders folders;
	struct guard guard;
	_Atomic uint64_t next_name;
};

/* Is this the name of one of the store's own folders at its root? */
bool store_has_folder(const char *name);
/* The exit of a failed write: counts it with the guard, fills *err with what and where. */
enum mg_code store_fail(struct store *s, struct mg_err *err, int errnum, const char *what,
			const char *key);

#endif
