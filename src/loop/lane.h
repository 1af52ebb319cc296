/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded pool of threads for blocking work, so that it never runs on a loop. Threads start on
 * demand and leave after 10 s of idleness. libuv's own pool is not used: it is four threads for all
 * purposes, where a file waits behind whatever hangs. */
#ifndef LOOP_LANE_H
#define LOOP_LANE_H

#include "loop/loop.h"

struct lane;

typedef void lane_run_fn(void *job);            /* on a lane thread */
typedef void lane_done_fn(void *job, bool ran); /* later, on the submitting loop; exactly once */

/* max_queue: jobs that may wait while max_threads run. max_wait_ms: a job that waited longer is not
 * run (its done gets ran = false, then, even when every thread hangs); 0: no limit. */
struct lane *lane_new(const char *name, unsigned max_threads, unsigned max_queue,
		      uint64_t max_wait_ms);
/* Finishes what runs, drops what waits (done is posted with ran = false), joins the threads. */
void lane_free(struct lane **lane);
/* False when the queue is full: then neither function will be called. Any thread; done is posted
 * to l. */
bool lane_submit(struct lane *lane, struct loop *l, lane_run_fn *run, lane_done_fn *done,
		 void *job);
/* For metrics and tests; any thread. */
unsigned lane_waiting(struct lane *lane);
unsigned lane_threads(struct lane *lane);
/* For tests, which cannot wait for 10 s: how long a thread without work stays. Before the first job. */
void lane_set_idle_ms(struct lane *lane, uint64_t idle_ms);

#endif
