/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the module versions in a folder tree: a Go module cache (…/@v/VERSION.{info,mod,zip}, escaped
 * names) or an Athens disk store (MODULE/VERSION/{go.mod,source.zip,VERSION.info}, plain names).
 * Symbolic links are not followed. Reads folders only. One thread. */
#ifndef STORE_CACHEWALK_H
#define STORE_CACHEWALK_H

#include "base/arena.h"
#include "base/err.h"
#include "gomod/target.h"
#include "store/provenance.h"

#define CACHEWALK_REFUSED_MAX 1000

enum cachewalk_layout {
	CACHEWALK_MODCACHE,
	CACHEWALK_ATHENS
};

struct cachewalk_version {
	struct mg_span path, version; /* unescaped, checked */
	const char *folder;           /* below the root: the "@v", or Athens' version folder */
	enum cachewalk_layout layout;
	bool has[PROVENANCE_KINDS];
};

/* What looks like part of a layout but cannot be taken. */
struct cachewalk_refusal {
	const char *name, *why;
};

struct cachewalk {
	int root; /* what `folder` is relative to; closed by deinit */
	struct arena arena;
	struct cachewalk_version *versions; /* by path, then version */
	size_t n, cap;
	struct cachewalk_refusal *refused; /* the first CACHEWALK_REFUSED_MAX of them */
	size_t refused_n;
	unsigned folders_seen;
};

/* Walks dir, or dir/cache/download where there is one. w: zeroed, with root -1.
 * MG_INVALID: neither layout is found there; MG_NOT_FOUND: no such folder; MG_UNAVAILABLE: a folder
 * cannot be read. skip_inode: a folder (by its inode) whose own top folders are not walked, so that a
 * store can be told to import the tree around it; 0: none. */
MG_CHECK enum mg_code cachewalk_run(struct cachewalk *w, const char *dir, uint64_t skip_inode,
				    struct mg_err *err);
void cachewalk_deinit(struct cachewalk *w);
/* The file of an artifact, below the root. */
void cachewalk_file(const struct cachewalk_version *v, enum provenance_kind kind,
		    struct mg_buf *out);

#endif
