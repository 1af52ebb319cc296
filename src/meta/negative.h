/* SPDX-License-Identifier: Apache-2.0 */
/* Proven absences that outlive a restart: when no upstream can be asked, "not found" may be repeated
 * from here. A table of 65,536 records in one sparse file (at most 32 MiB), where a new record takes
 * the place of the one with the same 16 bits of hash: it needs no clearing up and cannot grow. Writes
 * are not synced; what a crash loses or tears counts as never known. Any thread; one process. */
#ifndef META_NEGATIVE_H
#define META_NEGATIVE_H

#include "base/err.h"

struct negative;

/* In the store at root. */
MG_CHECK enum mg_code negative_open(const char *root, struct negative **out, struct mg_err *err);
void negative_close(struct negative **n);
/* Remembers that this was the answer for key at wall_s. Failure is logged: it costs a question later. */
void negative_put(struct negative *n, struct mg_span key, const struct mg_err *answer,
		  int64_t wall_s);
/* False: not known. */
bool negative_get(struct negative *n, struct mg_span key, struct mg_err *answer, int64_t *wall_s);
/* What was absent is there now. */
void negative_forget(struct negative *n, struct mg_span key);

#endif
