/* SPDX-License-Identifier: Apache-2.0 */
/* Which folder of a repository is a module's root, by the go.mod files of the two that can be (protocol
 * §3.6). Pure functions, any thread. */
#ifndef GOMOD_MODROOT_H
#define GOMOD_MODROOT_H

#include "base/err.h"

/* A go.mod, or none. */
struct modroot_file {
	bool exists;
	struct mg_span path; /* what modfile_scan_path makes of it */
};

enum modroot {
	MODROOT_OUTER,   /* DIR */
	MODROOT_INNER,   /* DIR/vN */
	MODROOT_MADE_UP, /* DIR, without a go.mod, which is made up */
};

/* dir: DIR; major: of the module path, as modpath_split gives it; inner: NULL if there can be no vN folder.
 * MG_NOT_FOUND (cause VCS): the module is in neither. */
MG_CHECK enum mg_code modroot_choose(struct mg_span dir, struct mg_span major,
				     const struct modroot_file *outer,
				     const struct modroot_file *inner, enum modroot *out,
				     struct mg_err *err);
/* Can there be a vN folder? */
bool modroot_has_inner(struct mg_span major, bool root_is_path);

#endif
