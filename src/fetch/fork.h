/* SPDX-License-Identifier: Apache-2.0 */
/* A checksum database that has shown two histories: the evidence is kept in the store
 * ("sumdb/NAME/fork") until an operator acknowledges it. One thread at a time; calls block. */
#ifndef FETCH_FORK_H
#define FETCH_FORK_H

#include "store/store.h"

struct fork {
	struct store *store;
	const char *database;   /* its name */
	struct mg_buf evidence; /* what could not be stored yet */
};

void fork_init(struct fork *f, struct store *store, const char *database);
void fork_deinit(struct fork *f);
/* Kept, also when the disk refuses for now; the log says so, for it is an attack or looks like one. */
void fork_keep(struct fork *f, struct mg_span evidence);
/* Is there evidence? Looked up in the store each time, where people may have put it. */
MG_CHECK enum mg_code fork_find(struct fork *f, bool *forked, struct mg_err *err);
/* The evidence gets a name with the time; start_over: so does everything else of that database.
 * Appends where the evidence is to *kept. MG_NOT_FOUND: there is none. */
MG_CHECK enum mg_code fork_acknowledge(struct fork *f, bool start_over, int64_t wall_s,
				       struct mg_buf *kept, struct mg_err *err);

#endif
