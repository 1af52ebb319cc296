/* SPDX-License-Identifier: Apache-2.0 */
/* Carries an errand to the server that runs on the store, or does it here when none runs, and shows
 * what is told on the way. */
#ifndef CLI_DISPATCH_H
#define CLI_DISPATCH_H

#include "cli/draft.h"
#include "fetch/errand.h"

struct dispatch {
	const char *command; /* for messages: "modgate verify" */
	const char *noun;    /* what is counted: "artifacts" */
	bool needs_upstream; /* without a server: does it make sense when nobody can be asked? */
	/* The last report, of type DONE: prints the summary and returns the exit code. */
	int (*on_done)(const struct report *r);
};

/* d: as settings_load left it. The exit code: on_done's, or 1. */
int dispatch_errand(struct draft *d, const struct errand *e, const struct dispatch *how);
/* The errors among the draft's notes, for a person. False: there are none. */
bool dispatch_tell_errors(const struct draft *d);

#endif
