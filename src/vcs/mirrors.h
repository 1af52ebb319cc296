/* SPDX-License-Identifier: Apache-2.0 */
/* All mirrors of a folder: who uses which, how many commands talk to one host, and which of them go when it gets
 * too much. Any thread. */
#ifndef VCS_MIRRORS_H
#define VCS_MIRRORS_H

#include "vcs/vcs.h"

struct mirrors;
struct mirror;

/* Of *options, which stays the caller's, all but found_ms and guide.find counts here. git: the program's path. */
MG_CHECK enum mg_code mirrors_new(const struct vcs_options *options, const char *git,
				  struct mirrors **out, struct mg_err *err);
void mirrors_free(struct mirrors **ms); /* nobody uses any */
/* Makes small mirrors whole, packs those with many packs, removes what is too old or too much, and lets go of refs that
 * are not fresh any more. One thread at a time. */
void mirrors_sweep(struct mirrors *ms, const struct cancel *cancel);
/* The mirror of the repository at url; the first use in a process makes no folder yet. */
struct mirror *mirrors_hold(struct mirrors *ms, struct mg_span url);
void mirrors_release(struct mirror **m); /* fine on NULL */
/* What was said about the refs of url is old now; of all repositories when it is empty. */
void mirrors_refresh(struct mirrors *ms, struct mg_span url);

#endif
