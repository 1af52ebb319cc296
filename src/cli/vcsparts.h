/* SPDX-License-Identifier: Apache-2.0 */
/* What reads repositories, out of the settings: for the fetch process, and for commands that do its work. */
#ifndef CLI_VCSPARTS_H
#define CLI_VCSPARTS_H

#include "cli/settings.h"

struct upstream;

/* Zeroed before it is opened; closed whether that went well or not. */
struct vcsparts {
	struct guide *guide;
	struct vcs *vcs; /* NULL: no repository is read */
};

/* A setting's value as one text, in the settings' arena. */
const char *vcsparts_text(struct settings *s, const char *name);
/* The folder of the mirrors, in the store. */
const char *vcsparts_folder(struct settings *s);
/* Nothing is opened where no repository can be asked for, or where there is no git program: then a warning says so.
 * ruleset: what git's processes put on themselves (cli/sandbox.h), the caller's; -1: none. MG_INVALID: a setting is
 * malformed. */
MG_CHECK enum mg_code vcsparts_open(struct vcsparts *p, struct settings *s, struct upstream *u,
				    int ruleset, struct mg_err *err);
void vcsparts_close(struct vcsparts *p);

#endif
