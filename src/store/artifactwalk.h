/* SPDX-License-Identifier: Apache-2.0 */
/* Every immutable artifact of the store, one after the other, in an order that stays the same from run
 * to run, so that a walk can be taken up where another ended. Holds the names of the folders on the
 * way and nothing else, however large the store is. One thread at a time. */
#ifndef STORE_ARTIFACTWALK_H
#define STORE_ARTIFACTWALK_H

#include "base/arena.h"
#include "store/store.h"

struct artifactwalk;

enum artifactwalk_result {
	ARTIFACTWALK_FOUND,
	ARTIFACTWALK_FAULT, /* *err: a folder cannot be read, or is none; the walk goes on behind it */
	ARTIFACTWALK_END,
};

/* after: the key of an artifact; those up to it are passed over. NULL: from the beginning. */
struct artifactwalk *artifactwalk_new(struct store *s, const char *after);
void artifactwalk_free(struct artifactwalk **w);
/* Writes the artifact's key, or that of the folder at FAULT, into *key (emptied before); *out (INFO, MOD
 * or ZIP) lives in the arena. Whatever is not named like an artifact is passed over. Blocks. */
enum artifactwalk_result artifactwalk_next(struct artifactwalk *w, struct arena *a,
					   struct mg_buf *key, struct target *out,
					   struct mg_err *err);

#endif
