/* SPDX-License-Identifier: Apache-2.0 */
/* How old a stored answer may be: list, @latest and rev queries are fresh for a while, then stale but
 * served while one refresh runs, then too old to be served unasked (as stale-while-revalidate, RFC 5861
 * §3). Pure functions; age_dress on the loop thread. */
#ifndef SERVE_AGE_H
#define SERVE_AGE_H

#include "serve/front.h"
#include "serve/look.h"

enum age_class {
	AGE_FRESH,
	AGE_STALE, /* serve, and refresh in the background */
	AGE_OLD,   /* ask first; serve only when nobody can be asked */
};

struct age {
	enum age_class class;
	uint64_t left_ms; /* of freshness */
};

/* now_ms, mtime: wall clock. Immutable targets are always fresh. */
struct age age_of(enum target_kind kind, int64_t mtime_ns, int64_t now_ms,
		  const struct front_options *options);
/* The reply for a look that hit, and until when (loop clock) the hot table may repeat it.
 * origins_down_ms: 0, or for how long not to ask again, fetch having found no origin able to answer. */
struct reply *age_dress(struct age age, struct look *l, uint64_t loop_now_ms,
			uint32_t origins_down_ms, uint64_t *hot_until_ms);

#endif
