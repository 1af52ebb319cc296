/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-versions: names for commits without a tag, "v1.2.4-0.20191109021931-daa7c04131f5"
 * (go.dev/ref/mod#pseudo-versions, protocol §2.6). Pure functions, any thread. */
#ifndef GOMOD_PSEUDO_H
#define GOMOD_PSEUDO_H

#include "base/buf.h"
#include "base/err.h"

struct pseudo {
	struct mg_span rest; /* what stands before the time: "v1.2.4-0", "v1.2.3-pre.0", "v0.0.0" */
	struct mg_span time; /* 14 digits; need not be a time of any calendar */
	struct mg_span rev;  /* normally 12 hexadecimal digits */
	struct mg_span build; /* with its "+", or empty */
};

bool pseudo_is(struct mg_span version);
bool pseudo_parse(struct mg_span version, struct pseudo *out); /* *out is untouched when false */
/* The commit time in seconds since 1970, UTC. False unless it is a moment of the calendar. */
bool pseudo_time(struct mg_span version, int64_t *unix_s_out);
/* Appends the version of the tag it was derived from; nothing when there is none. MG_INVALID when it
 * is no pseudo-version, or one that no tag can have led to. */
MG_CHECK enum mg_code pseudo_base(struct mg_span version, struct mg_buf *out, struct mg_err *err);
/* Appends the pseudo-version of a commit. base: the tag it descends from, or empty (then major, "v2",
 * counts; empty: "v0"). */
void pseudo_build(struct mg_span major, struct mg_span base, int64_t unix_s, struct mg_span rev,
		  struct mg_buf *out);

#endif
