/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a tree belong into a module's zip: the rules of golang.org/x/mod/zip as the go command
 * applies them to a repository's archive (go.dev/ref/mod#zip-files, protocol §4.1–4.3, §4.7), today's and those of
 * older releases, by which hashes in the checksum database were made. Sizes are zipwriter's concern. Any
 * thread. */
#ifndef GOMOD_ZIPSELECT_H
#define GOMOD_ZIPSELECT_H

#include "base/err.h"

/* What lies somewhere below the module's root and is neither a directory nor a submodule. */
struct zipselect_entry {
	struct mg_span path; /* relative to the root */
	bool regular;        /* a file, whatever its permissions; false: a symbolic link */
	bool taken;          /* the answer */
};

/* The releases between which the rules changed; any of them may have made a public module's zip. */
enum zipselect_era {
	ZIPSELECT_GO_1_24, /* since then vendored files are told by the module's go directive */
	ZIPSELECT_GO_1_14, /* to 1.23: whatever go.mod says, the vendor rule is that of old modules */
	ZIPSELECT_GO_1_12, /* to 1.13: besides, symbolic links count as go.mod but not as LICENSE, and
			    * collide with nothing */
};
#define ZIPSELECT_ERAS (ZIPSELECT_GO_1_12 + 1)

/* Words for people: "go 1.24 and later", … */
const char *zipselect_era_name(enum zipselect_era era);

/* Does a module that is not in its repository's root inherit the LICENSE that lies there? Then the caller
 * adds it, if there is one, as an entry "LICENSE" before it calls zipselect_run. */
bool zipselect_wants_license(const struct zipselect_entry *entries, size_t n,
			     enum zipselect_era era);
/* Sets taken of every entry; any order. gomod: the bytes of the root's go.mod as they stand in the archive,
 * empty when there is none that is regular. MG_NOT_FOUND with the first path that makes a zip impossible: the
 * go command makes none either. Besides it refuses the bounds of foldtree.h. */
MG_CHECK enum mg_code zipselect_run(struct zipselect_entry *entries, size_t n, struct mg_span gomod,
				    enum zipselect_era era, struct mg_err *err);

#endif
