/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator says about where repositories are: for module paths that are not asked about any
 * more, and for URLs that are others from here. Immutable once parsed; any thread. */
#ifndef VCS_MAPPING_H
#define VCS_MAPPING_H

#include "base/arena.h"
#include "base/err.h"

struct mapping {
	struct mapping_rule *paths, *urls; /* in the arena, as are their spans */
	size_t paths_n, urls_n;
};

/* paths: "PATTERN URL", comma between them. Elements of the pattern are literal, or a star for any one; the n-th star
 * of the URL is what the n-th of the pattern stands for. The path's elements that the pattern takes are the root.
 * urls: "PREFIX NEWPREFIX" of repositories' URLs. MG_INVALID with the rule and what is wrong with it. */
MG_CHECK enum mg_code mapping_parse(struct mg_span paths, struct mg_span urls, struct arena *a,
				    struct mapping *out, struct mg_err *err);

enum mapping_verdict {
	MAPPING_NONE,  /* nothing is said about the path */
	MAPPING_FOUND, /* *root, of the path, has its repository at *url, in the arena */
	MAPPING_ABOVE, /* repositories begin below it: it is none itself */
};

/* The first rule that fits. */
enum mapping_verdict mapping_find(const struct mapping *m, struct mg_span path, struct arena *a,
				  struct mg_span *root, struct mg_span *url);
/* The URL by the rule with the longest prefix; false, and nothing set, when none fits. */
bool mapping_rewrite(const struct mapping *m, struct mg_span url, struct arena *a,
		     struct mg_span *out);

#endif
