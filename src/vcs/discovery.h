/* SPDX-License-Identifier: Apache-2.0 */
/* From a module path to where it lives, as the go command finds it with GOPROXY=direct (protocol §3.1–3.3), and
 * more strictly where it is lax. In this order: what the operator has mapped; what the path says by itself; the
 * go-import page of its host. Then the operator's rewrite rules, what the scheme may be, and, for http(s), where the
 * repository has moved to. Any thread; blocks on the network. */
#ifndef VCS_DISCOVERY_H
#define VCS_DISCOVERY_H

#include "vcs/gopage.h"
#include "vcs/mapping.h"
#include "vcs/vcs.h"

struct discovery;

/* Strings and what is pointed to stay the caller's and are used until discovery_free. */
struct discovery_options {
	struct gopage_options page;
	const struct mapping *mapping; /* NULL: nothing is mapped */
	const char *govcs;             /* GOVCS; NULL: the default */
	uint32_t found_ms, absent_ms;  /* how long pages are believed (pagecache.h) */
	/* Is there a repository at the place (vcs_probe)? For the scheme of a ".git" path. */
	enum mg_code (*probe)(void *arg, const struct vcs_place *place, const struct cancel *cancel,
			      struct mg_err *err);
	void *arg;
};

/* MG_INVALID: GOVCS is malformed. */
MG_CHECK enum mg_code discovery_new(const struct discovery_options *options, struct discovery **out,
				    struct mg_err *err);
void discovery_free(struct discovery **d); /* no call may be running */
/* As the find of vcs_guide. */
MG_CHECK enum mg_code discovery_find(struct discovery *d, struct mg_span path,
				     const struct cancel *cancel, struct arena *a,
				     struct vcs_place *out, struct mg_err *err);

#endif
