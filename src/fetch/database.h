/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum database (GOSUMDB) as fetch uses it: where it is reached, what of it is kept in the store
 * ("sumdb/NAME/lookup/…", "…/tile/…", "…/latest"), and the head that is trusted. What it answers is
 * proven by src/sumdb. Any thread; calls block. */
#ifndef FETCH_DATABASE_H
#define FETCH_DATABASE_H

#include "fetch/job.h"
#include "sumdb/sumclient.h"

struct database;

/* GOSUMDB's value; origins and store stay the caller's. *out is NULL when the value is "off".
 * MG_INVALID: the value is malformed. A trusted head that cannot be read any more is moved to quarantine,
 * and trust begins anew. */
MG_CHECK enum mg_code database_new(const char *gosumdb, struct store *store, struct database **out,
				   struct mg_err *err);
void database_free(struct database **d); /* no call may be running */
const struct notekey *database_key(const struct database *d);

static inline const char *database_name(const struct database *d)
{
	return database_key(d)->name;
}

/* The hashes of a version, proven. MG_NOT_FOUND: the database does not know it. MG_CORRUPT: what it, or
 * somebody on the way, answered proves nothing, or it has forked. Who may be asked about is the caller's
 * to decide. */
MG_CHECK enum mg_code database_lookup(struct database *d, const struct job *j, struct mg_span path,
				      struct mg_span version, struct lookup_sums *out,
				      struct mg_err *err);
/* The answer to a path below the database's URL, proven: "lookup/EPATH@EVERSION", "tile/8/…", "latest".
 * MG_NOT_FOUND: there is none, or the path is no such thing, or private (globs) names stand in it. */
MG_CHECK enum mg_code database_get(struct database *d, const struct job *j, struct mg_span path,
				   const char *globs, struct mg_buf *out, struct mg_err *err);

/* The operator has looked at the evidence of a fork: it is kept under a name with the time, and the
 * database may prove again. start_over: its head, lookups and tiles go with it, and trust begins anew.
 * Appends where the evidence is to *kept. MG_NOT_FOUND: there is no such evidence. */
MG_CHECK enum mg_code database_acknowledge(struct database *d, bool start_over, int64_t wall_s,
					   struct mg_buf *kept, struct mg_err *err);

#endif
