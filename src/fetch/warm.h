/* SPDX-License-Identifier: Apache-2.0 */
/* Gets artifacts before anybody asks for them. Blocks until all are there or have failed. */
#ifndef FETCH_WARM_H
#define FETCH_WARM_H

#include "fetch/job.h"

struct warm_summary {
	uint64_t done, bytes; /* of those that are there now */
	uint64_t got, had, failed;
};

struct warm_options {
	unsigned threads; /* up to WARM_THREADS_MAX; 0: 16 */
	struct cancel *cancel;
	/* Both may be NULL; called by one thread at a time, any thread. */
	void (*on_progress)(void *arg, uint64_t done, uint64_t total, uint64_t bytes);
	void (*on_failure)(void *arg, const struct target *t, const struct mg_err *why);
	void *arg;
};

#define WARM_THREADS_MAX 64

/* targets: INFO, MOD or ZIP. MG_CANCELED: *out says how far it came. Failures are no failure. */
MG_CHECK enum mg_code warm_run(const struct job_means *m, const struct target *targets, size_t n,
			       const struct warm_options *options, struct warm_summary *out,
			       struct mg_err *err);

#endif
