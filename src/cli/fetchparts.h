/* SPDX-License-Identifier: Apache-2.0 */
/* What the work of the fetch process needs, out of the settings: for that process, and for commands
 * that do the same work while no server runs. */
#ifndef CLI_FETCHPARTS_H
#define CLI_FETCHPARTS_H

#include "cli/settings.h"
#include "cli/vcsparts.h"
#include "fetch/job.h"

/* Strings live in the settings' arena. */
struct upstream_options fetchparts_upstream(struct settings *s);
struct fetch_options fetchparts_fetch(const struct settings *s);
/* A name for Via fields, unlike any other's. */
const char *fetchparts_via(struct arena *a);

/* Zeroed before it is opened; closed whether that went well or not. */
struct fetchparts {
	struct store *store;
	struct upstream *upstream;
	struct negative *negative;
	struct vcsparts vcs;
	struct fetch_options options;
	struct job_means means;
};

/* Takes the store's lock: MG_UNAVAILABLE when another process has it. */
MG_CHECK enum mg_code fetchparts_open(struct fetchparts *p, struct settings *s, struct mg_err *err);
void fetchparts_close(struct fetchparts *p);

#endif
