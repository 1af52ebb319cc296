/* SPDX-License-Identifier: Apache-2.0 */
/* The way to repositories as the settings describe it: discovery and credentials behind the two functions that the
 * facade asks (vcs_guide). Any thread. */
#ifndef VCS_GUIDE_H
#define VCS_GUIDE_H

#include "vcs/vcs.h"

struct guide;
struct upstream;

/* Strings and upstream stay the caller's and are used until guide_free; NULL: not set. */
struct guide_options {
	struct upstream *upstream;
	const char *map, *rewrite;      /* mapping.h */
	const char *govcs, *goinsecure; /* as the go command's */
	const char *private_globs;      /* modules whose hosts may be inside the company */
	const char *credentials, *netrc, *known_hosts, *ca_file; /* credential.h */
	uint32_t found_ms, absent_ms; /* how long go-import pages are believed */
};

/* MG_INVALID: a setting is malformed, and which. */
MG_CHECK enum mg_code guide_new(const struct guide_options *options, struct guide **out,
				struct mg_err *err);
void guide_free(struct guide **g); /* after vcs_free */
/* What vcs_new wants; used until then. */
struct vcs_guide guide_functions(struct guide *g);
/* Who is asked whether there is a repository, once it exists. Before there are threads. */
void guide_use(struct guide *g, struct vcs *v);

#endif
