/* SPDX-License-Identifier: Apache-2.0 */
/* From a module path to its repository as far as the path alone says it (protocol §3.1): the hosts
 * whose layout the go command knows, and version control qualifiers ("host.example/x.git/dir"). Pure
 * functions, any thread. */
#ifndef GOMOD_REPOPATH_H
#define GOMOD_REPOPATH_H

#include "base/err.h"

enum repopath_kind {
	REPOPATH_ASK,       /* the path does not say it: ask its host (go-import) */
	REPOPATH_FIXED,     /* "https://" and repo is the repository's URL */
	REPOPATH_QUALIFIED, /* a scheme is still to be found for repo */
};

/* Spans of the path. Empty for REPOPATH_ASK. */
struct repopath {
	enum repopath_kind kind;
	struct mg_span root; /* of the path: where the repository begins */
	struct mg_span repo; /* host and path of the repository; without the qualifier */
	struct mg_span vcs;  /* "git", "hg", "svn", "bzr", "fossil": by qualifier or by host */
};

/* MG_NOT_FOUND with the reason when no repository can belong to the path, whatever the network says.
 * path is a module path (modpath_check); other bytes are no danger. */
MG_CHECK enum mg_code repopath_find(struct mg_span path, struct repopath *out, struct mg_err *err);
/* Is prefix path itself, or does it end before a "/" of path? (Or with one: "a/" is a prefix of "a/b".) */
bool repopath_has_prefix(struct mg_span path, struct mg_span prefix);
/* The name of a version control system that the go command knows? */
bool repopath_is_vcs(struct mg_span name);

#endif
