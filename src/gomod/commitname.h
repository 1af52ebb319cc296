/* SPDX-License-Identifier: Apache-2.0 */
/* The version that a commit has: of a tag on it, or a pseudo-version; and whether a pseudo-version is one of
 * the names it may have (protocol §2.6, §3.8). As coderepo.h in all else. */
#ifndef GOMOD_COMMITNAME_H
#define GOMOD_COMMITNAME_H

#include "gomod/coderepo.h"

/* query: what was asked for, which led to the commit; empty: HEAD. tag: the tag it named; empty: none. */
MG_CHECK enum mg_code commitname_find(struct coderepo *r, const struct coderepo_commit *commit,
				      struct mg_span query, struct mg_span tag, struct mg_span *out,
				      struct mg_err *err);

#endif
