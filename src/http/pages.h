/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a part of a file is in the kernel's page cache, and bringing it there: a loop must never
 * wait for a disk. */
#ifndef HTTP_PAGES_H
#define HTTP_PAGES_H

#include "http/reply.h"
#include "loop/lane.h"

/* Never blocks. True also where the kernel cannot tell (the caller would have no better way). */
bool pages_resident(struct reply_file *f, uint64_t from, uint64_t to);

struct pages_job;
typedef void pages_done_fn(void *arg, bool ran); /* ran false: the lane did not get to it */

/* Reads [from, to) of r's file on the lane, so that it is in memory when done(arg) is called on l.
 * NULL when the lane is full. The reply is kept until then. */
struct pages_job *pages_read(struct lane *lane, struct loop *l, struct reply *r, uint64_t from,
			     uint64_t to, pages_done_fn *done, void *arg);
/* done will not be called. The job frees itself. */
void pages_forget(struct pages_job **job);

#endif
