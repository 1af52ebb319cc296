/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of an artifact land on their way to the store: a staged file, which a large zip's
 * askers may read as it grows (fetch/stream.h). What was given to them stays as it is: a transfer that
 * starts over, from the same origin or from another, must bring the same bytes again, or they are cut.
 * Lane thread. */
#ifndef FETCH_LANDING_H
#define FETCH_LANDING_H

#include "fetch/job.h"
#include "fetch/stream.h"

struct landing {
	const struct job *job;
	const struct target *target;
	struct stage *stage;   /* NULL: none, or committed */
	struct stream *stream; /* the feed's; NULL: nobody was given anything */
	uint64_t seen;    /* bytes of this transfer: fewer than are staged, while they come again */
	uint64_t sync_at; /* staged bytes at which the next are sent to the disk */
};

void landing_init(struct landing *l, const struct job *j, const struct target *t);
/* Before each origin is asked: the file is empty, or what the sink gets must continue it. */
MG_CHECK enum mg_code landing_begin(struct landing *l, struct mg_err *err);
struct upstream_sink landing_sink(struct landing *l);
/* After a transfer that went well: is it all that was announced? */
MG_CHECK enum mg_code landing_finish(struct landing *l, struct mg_err *err);
/* What has landed is not what it should be. Whoever was given some of it is cut, and it is recorded that
 * this happened. */
void landing_reject(struct landing *l, const struct mg_err *why);
void landing_deinit(struct landing *l);

#endif
