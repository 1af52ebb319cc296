/* SPDX-License-Identifier: Apache-2.0 */
/* Parents of a path that nobody upstream has. For an import the go command asks one upstream for every module
 * that may hold it, "a.example/m/pkg" as well as "a.example/m", and goes on to `direct` only when that upstream
 * has none of them. Its questions come here one by one: for a path whose parent is found upstream no repository is
 * asked, which the network may not even reach. Blocks; lane thread. */
#ifndef FETCH_PARENT_H
#define FETCH_PARENT_H

#include "fetch/job.h"

struct share;

/* Has an upstream the answer to the same question about a parent of t's path: some list, for LIST and LATEST, or that
 * version or revision, for INFO and QUERY? *parent is in j's arena. Not for MOD and ZIP: who asks for these
 * knows the module. known keeps what was found out. What cannot be said is no. */
bool parent_find(const struct job *j, struct share *known, const struct target *t,
		 struct mg_span *parent);

#endif
