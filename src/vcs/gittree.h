/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit's tree holds, by `git ls-tree`. */
#ifndef VCS_GITTREE_H
#define VCS_GITTREE_H

#include "gomod/zipselect.h"
#include "vcs/mirror.h"

#define GITTREE_MAX (256u << 20) /* bytes of a listing */

/* All files and symbolic links below dir (empty: everywhere), their paths relative to it; with room for one more in
 * *out. The caller frees *out; the paths live in text. */
MG_CHECK enum mg_code gittree_list(const struct mirror_use *u, struct mg_span commit,
				   struct mg_span dir, struct mg_buf *text,
				   struct zipselect_entry **out, size_t *n, struct mg_err *err);
/* Remembers with the mirror which folders have a go.mod. What fails is left undone. */
void gittree_learn_modules(const struct mirror_use *u, struct mg_span commit);

/* The next entry of a listing: its mode and path. False at the end, or when it makes no sense (*rest is not empty
 * then). */
bool gittree_next(struct mg_span *rest, struct mg_span *mode, struct mg_span *path);

#endif
