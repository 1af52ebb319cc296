/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a module's files as a tree, to find names that cannot stand side by side on a file
 * system that ignores case (protocol §4.3). One thread at a time. */
#ifndef GOMOD_FOLDTREE_H
#define GOMOD_FOLDTREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

#define FOLDTREE_NODES_MAX 1000000 /* files and directories */

struct foldtree {
	struct map nodes;
	struct arena arena;
	uint32_t count;
	struct mg_buf key; /* scratch */
};

#define FOLDTREE_INIT ((struct foldtree){ .key = BUF_MAX(1 << 20) })

void foldtree_deinit(struct foldtree *t);
/* Adds a clean relative path (of at most 64 KiB, valid UTF-8), and its parents as directories. path
 * must live as long as the tree. Returns NULL, or what is wrong: a name that differs from an earlier one
 * by case only, a file that is also a directory, a file given twice, too many names. A directory may
 * come any number of times. */
const char *foldtree_add(struct foldtree *t, struct mg_span path, bool is_dir);

#endif
