/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that change, asked for anew before their time is over: a push has come (fetch/hook.h), or an operator says
 * so. What is stored is better afterwards, and the workers are told to let go of what they held ready. */
#ifndef FETCH_REFRESH_H
#define FETCH_REFRESH_H

#include "fetch/job.h"

struct refresh_summary {
	uint64_t good, absent, failed;
	struct mg_err why; /* of the last that failed */
};

/* The list, @latest and the rev queries of a module that are known. Blocks; any thread. */
void refresh_module(const struct job_means *m, struct mg_span path, struct cancel *cancel,
		    struct refresh_summary *out);

/* The same behind everybody's back, for all that is known to come from a repository. */
struct refresh_queue;

/* Begins a thread with the first push. m outlives it. */
struct refresh_queue *refresh_queue_new(const struct job_means *m);
void refresh_queue_free(struct refresh_queue **r); /* what is not done is forgotten */
/* How many answers that will be. Beyond REFRESH_QUEUE_MAX repositories that wait they are only marked as old. Any
 * thread; does not block. */
#define REFRESH_QUEUE_MAX 1024
size_t refresh_queue_push(struct refresh_queue *r, struct mg_span address);

#endif
