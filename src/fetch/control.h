/* SPDX-License-Identifier: Apache-2.0 */
/* The socket over which our own commands ask the running server: STORE/control.sock, for its owner only.
 * A connection sends errands (errand.h) and gets reports (report.h); one errand is done after the other.
 * Who closes it ends them. */
#ifndef FETCH_CONTROL_H
#define FETCH_CONTROL_H

#include "fetch/job.h"

#define CONTROL_NAME "control.sock"

/* Makes the listening socket; one that an earlier process left is replaced: the caller holds the store's
 * lock. A descriptor, or -1 with *err. Before the sandbox. */
int control_listen(const char *store, struct mg_err *err);
/* A connection to the server that runs on this store (blocking), or -1: none does. */
int control_connect(const char *store);

struct control;

/* Takes fd over; serves it on the loop. means and store outlive it. */
struct control *control_new(struct loop *l, int fd, const char *store,
			    const struct job_means *means);
/* Ends what is under way and waits for it; the socket's name goes. After loop_run returned. */
void control_free(struct control **c);

#endif
