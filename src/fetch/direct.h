/* SPDX-License-Identifier: Apache-2.0 */
/* An origin of another kind: the module's own repository (src/vcs), as `direct` at the end of the list of
 * upstreams has it, and as private modules always do. Where a go-import page names a module proxy (kind
 * "mod") that is asked instead. Blocks; lane thread. */
#ifndef FETCH_DIRECT_H
#define FETCH_DIRECT_H

#include "fetch/job.h"
#include "fetch/repobook.h"
#include "gomod/verlist.h"

struct vcs;

/* v stays the caller's, and outlives it. */
struct direct *direct_new(struct vcs *v);
void direct_free(struct direct **d);
struct repobook *direct_book(const struct direct *d);
/* The next answer about the module, or the repository at a URL, is asked of the repository, whatever its age. Any thread. */
void direct_expire(struct direct *d, struct mg_span path_or_url);

/* The artifact t into the sink (restarted first where that is needed); *from: where from, for its record, without
 * secrets. rules: of a zip, as vcs_zip's; 0 for those of today. h1 (NULL, or DIRHASH_SIZE): of a zip that was packed
 * here, else "". *framed as ask_url's. A version whose commit is not
 * the one that its stored .info names is refused: MG_CORRUPT, PROOF. */
MG_CHECK enum mg_code direct_get(const struct job *j, const struct target *t, unsigned rules,
				 const struct upstream_sink *sink, struct mg_buf *from,
				 bool *framed, char *h1, struct mg_err *err);
/* The answer to QUERY or LATEST: appends it. */
MG_CHECK enum mg_code direct_info(const struct job *j, const struct target *t, struct mg_buf *out,
				  struct mg_err *err);
/* The versions for LIST. Tags of stored versions that have been moved since are told in the log, once. *newest
 * as verlist_newest. */
MG_CHECK enum mg_code direct_list(const struct job *j, const struct target *t, struct verlist *list,
				  struct mg_span *newest, struct mg_err *err);

#endif
