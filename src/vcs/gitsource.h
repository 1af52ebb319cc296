/* SPDX-License-Identifier: Apache-2.0 */
/* A mirror as gomod/coderepo sees a repository: its tags, what a revision means, files at commits, and history.
 * What is missing is brought when it is asked for. One thread at a time. */
#ifndef VCS_GITSOURCE_H
#define VCS_GITSOURCE_H

#include "gomod/coderepo.h"
#include "vcs/gitobjects.h"

struct gitsource {
	struct mirror_use use;
	struct gitobjects objects;
	struct remoterefs *refs; /* NULL: not asked yet; then the same for the whole job */
	uint64_t began_ms;
	struct coderepo_tag *tags;
	size_t n_tags;
};

extern const struct coderepo_ops gitsource_ops; /* its arg is a struct gitsource */

void gitsource_init(struct gitsource *s, struct mirror *m, const struct vcs_place *place,
		    const struct cancel *cancel);
void gitsource_deinit(struct gitsource *s);
/* The refs that this job goes by; they stay the source's. */
MG_CHECK enum mg_code gitsource_refs(struct gitsource *s, const struct remoterefs **out,
				     struct mg_err *err);

#endif
