/* SPDX-License-Identifier: Apache-2.0 */
/* The answers that change: the list of versions, @latest, and rev queries. Asked of the origins, joined
 * with what is stored, kept in the store with the time they were last known to be true. Blocks; lane
 * thread. */
#ifndef FETCH_VERSIONS_H
#define FETCH_VERSIONS_H

#include "fetch/job.h"

/* t: LIST, LATEST or QUERY (asserted). MG_OK: the store has it. *stale: nobody could be asked, so what
 * was stored before stands (or what could be made of it). *asked as origin_walk. */
MG_CHECK enum mg_code versions_get(const struct job *j, const struct target *t, bool *stale,
				   bool *asked, struct mg_err *err);

#endif
