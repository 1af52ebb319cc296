/* SPDX-License-Identifier: Apache-2.0 */
/* Which versions a go.mod takes back (go.dev/ref/mod#go-mod-file-retract, protocol §3.9). Any thread. */
#ifndef GOMOD_RETRACTION_H
#define GOMOD_RETRACTION_H

#include "base/arena.h"

struct modfile_retract;

struct retraction {
	const struct modfile_retract *v;
	size_t n;
};

#define RETRACTION_NONE ((struct retraction){ 0 })

/* Those of a dependency's go.mod; none if it is no go.mod. Lives in a; gomod must outlive it. */
struct retraction retraction_read(struct mg_span gomod, struct arena *a);
bool retraction_covers(const struct retraction *r, struct mg_span version);

#endif
