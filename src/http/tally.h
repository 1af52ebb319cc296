/* SPDX-License-Identifier: Apache-2.0 */
/* Counts answers among the metrics. On the way of every hit: a few additions in a page of the loop's own. */
#ifndef HTTP_TALLY_H
#define HTTP_TALLY_H

#include "http/reply_internal.h"
#include "record/metrics.h"
#include "wire/conditional.h"

/* An answer is on its way, ms after the request's head was complete. */
static inline void tally_answer(const struct reply *r, enum conditional_verdict verdict,
				uint64_t ms)
{
	const unsigned kind = r->tally % METRICS_KINDS;
	const unsigned seconds = METRICS_REQUEST_SECONDS + kind * METRICS_HISTOGRAM;
	unsigned tally = r->tally;

	if (verdict != CONDITIONAL_FULL)
		tally = metrics_code(verdict == CONDITIONAL_NOT_MODIFIED ? 304
				     : verdict == CONDITIONAL_PARTIAL    ? 206
									 : 416) *
				METRICS_KINDS +
			kind;
	metrics_add(METRICS_REQUESTS + tally, 1);
	if (ms == 0)
		metrics_add(seconds, 1);
	else
		metrics_observe(seconds, ms * 1000);
}

#endif
