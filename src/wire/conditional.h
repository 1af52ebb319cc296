/* SPDX-License-Identifier: Apache-2.0 */
/* Preconditions (RFC 9110 §13) and ranges (§14) for GET and HEAD of a complete representation. Pure. */
#ifndef WIRE_CONDITIONAL_H
#define WIRE_CONDITIONAL_H

#include "wire/head.h"

enum conditional_verdict {
	CONDITIONAL_FULL,          /* 200, everything */
	CONDITIONAL_NOT_MODIFIED,  /* 304 */
	CONDITIONAL_PARTIAL,       /* 206, [*first, *last] inclusive */
	CONDITIONAL_UNSATISFIABLE, /* 416 */
};

/* etag: our strong validator with its quotes. last_modified: whole seconds, or -1. size: of the
 * representation. now: wall clock, for two-digit years. Several ranges, or a unit other than bytes,
 * or a malformed Range: the header is ignored (FULL), as RFC 9110 §14.2 allows. *first and *last are
 * written only with PARTIAL. */
enum conditional_verdict conditional_judge(const struct head *h, struct mg_span etag,
					   int64_t last_modified, uint64_t size, int64_t now,
					   uint64_t *first, uint64_t *last);

#endif
