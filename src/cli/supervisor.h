/* SPDX-License-Identifier: Apache-2.0 */
/* The parent of front and fetch: starts them, starts them again when they crash, connects them with
 * channels, replaces them when settings change, and ends them in order. Holds the listening sockets, so that no
 * connection is refused while front comes back, and the store's lock, so that nobody else takes it while
 * fetch does. Leaves both to another binary when told to (cli/handover.h). */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include "cli/plan.h"

struct supervisor;

/* All but the plan outlives the supervisor. */
struct supervisor_options {
	struct plan *plan;                /* taken over */
	const struct plan_source *source; /* where the next ones come from */
	struct handover *left;  /* by a supervisor before us; channel and lock are taken over */
	const char *program;    /* the file that an upgrade starts; absolute */
	const char *ready_text; /* printed once to stdout when both children run */
};

/* Runs until SIGTERM or SIGINT (drains, then 0; one more, half a second later or after, ends at once
 * with 1), or until a child says that it cannot ever begin (1), or until another one serves and the last answer is
 * finished (0). SIGHUP is supervisor_reload. */
int supervisor_run(const struct supervisor_options *options);

/* Reads the settings anew. Good ones get processes of their own, which take over without a failed
 * request; with bad ones, or when the new processes do not start, all stays as it is. Does not wait; while one
 * is under way, another one follows it. */
void supervisor_reload(struct supervisor *sv);

#endif
