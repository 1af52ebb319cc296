/* SPDX-License-Identifier: Apache-2.0 */
/* The module zip of a folder at a commit, from what `git archive` emits: the bytes that the go command hashes
 * (protocol §3.10, §4). The archive is never held as a whole. */
#ifndef VCS_GITARCHIVE_H
#define VCS_GITARCHIVE_H

#include "gomod/dirhash.h"
#include "gomod/zipselect.h"
#include "vcs/mirror.h"

struct gitarchive {
	struct mg_span path, version; /* of the module */
	struct mg_span commit;
	struct mg_span dir; /* the module's root in the repository; empty: that of the repository */
	struct mg_span gomod;   /* the bytes of its go.mod; empty: it has none */
	bool has_license;       /* the repository has a LICENSE that the module may inherit */
	struct mg_span license; /* its bytes */
	enum zipselect_era era;
};

/* MG_NOT_FOUND: the go command would make no zip of it either. h1: DIRHASH_SIZE bytes. */
MG_CHECK enum mg_code gitarchive_zip(const struct mirror_use *u, const struct gitarchive *what,
				     const struct vcs_sink *sink, char *h1, struct mg_err *err);

#endif
