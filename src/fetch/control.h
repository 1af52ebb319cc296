/* SPDX-License-Identifier: Apache-2.0 */
/* The socket over which our own commands ask the running server: STORE/control.sock, for its owner only.
 * A connection sends errands (errand.h) and gets reports (report.h); one errand is done after the other.
 * Who closes it ends them. */
#ifndef FETCH_CONTROL_H
#define FETCH_CONTROL_H

#include "fetch/job.h"
#include "loop/namedsocket.h"

#define CONTROL_NAME "control.sock"

struct control;

/* Takes over what listens under CONTROL_NAME in the store's folder, and serves it on the loop. means and store outlive
 * it. The socket is made before the sandbox, by who holds the store's lock. */
struct control *control_new(struct loop *l, const struct namedsocket *socket, const char *store,
			    const struct job_means *means);
/* Ends what is under way and waits for it; the socket's name goes. After loop_run returned. */
void control_free(struct control **c);

#endif
