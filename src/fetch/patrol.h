/* SPDX-License-Identifier: Apache-2.0 */
/* The scrub in the background of a running server: again and again through the whole store, giving way
 * to everybody, healing what it finds damaged. How far it came is kept in the store ("meta/scrub"), so
 * that a restart does not begin anew. */
#ifndef FETCH_PATROL_H
#define FETCH_PATROL_H

#include "fetch/job.h"

struct patrol;

/* every_ms: from the end of one round to the beginning of the next; not 0. The first round, or what is
 * left of it, begins a little after the start. Starts its thread. */
struct patrol *patrol_new(const struct job_means *m, uint64_t every_ms);
void patrol_free(struct patrol **p); /* stops it and waits for that */

#endif
