/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a Go module cache or an Athens disk store over into the store: every artifact is checked as if
 * an upstream had sent it, recorded, and committed; the lists are made to name what is there. What is
 * there already stays. Can be stopped and run again at any time. */
#ifndef STORE_IMPORT_H
#define STORE_IMPORT_H

#include "store/cachewalk.h"
#include "store/store.h"

enum import_trouble {
	IMPORT_REFUSED,  /* the file fails a check; it is left out */
	IMPORT_CONFLICT, /* the store has other bytes, and keeps them */
};

struct import_summary {
	enum cachewalk_layout layout;
	uint64_t modules, versions;
	uint64_t added, same, conflicts, refused; /* artifacts */
	uint64_t bytes;                           /* added */
	uint64_t lists;                           /* written */
};

struct import_options {
	unsigned threads; /* 1 … 64; 0: 8 (they mostly wait for the disk's syncs) */
	/* Both may be NULL; called by one thread at a time, any thread. */
	void (*on_progress)(void *arg, uint64_t done, uint64_t total,
			    uint64_t bytes); /* versions */
	void (*on_trouble)(void *arg, enum import_trouble what, const char *file, const char *why);
	void *arg;
};

/* The store is open for writing. *out is filled as far as it went, on failure too. MG_INVALID: dir is
 * of neither layout; MG_UNAVAILABLE: the disk of one of the two fails (what was committed stays). */
MG_CHECK enum mg_code import_run(struct store *s, const char *dir,
				 const struct import_options *options, struct import_summary *out,
				 struct mg_err *err);

#endif
