/* SPDX-License-Identifier: Apache-2.0 */
/* A mirror's remote asked by ourselves, over HTTP, where git would be three programs and a connection of its own for
 * each question: for the refs, and for the newest commit of one. What is beyond it — other protocols, servers of
 * other versions, the whole history — is git's. To be called by who has made the mirror busy. */
#ifndef VCS_MIRRORHTTP_H
#define VCS_MIRRORHTTP_H

#include "vcs/mirror_internal.h"

/* May it be tried? */
bool mirrorhttp_may(const struct mirror_use *u);
/* Appends to text what `git ls-remote` prints. *spoken: false when it is for git to ask (nothing is appended, and
 * the result is MG_OK). */
MG_CHECK enum mg_code mirrorhttp_refs(const struct mirror_use *u, struct mg_buf *text, bool *spoken,
				      struct mg_err *err);
/* Brings a commit without its history into the mirror's folder, which has been made; may leave what
 * mirrorfolder_clean removes. is_new: the folder is empty. MG_CANCELED; after any other failure git may be asked for
 * the same. */
MG_CHECK enum mg_code mirrorhttp_bring(const struct mirror_use *u, struct mg_span commit,
				       bool is_new, struct mg_err *err);

#endif
