/* SPDX-License-Identifier: Apache-2.0 */
/* The pages by which a host says where the module paths below it have their repositories:
 * <meta name="go-import" content="PREFIX VCS URL [SUBDIR]"> (protocol §3.2). They are read as the go command
 * reads them, by a lenient XML tokenizer (xmlscan.h), so that both find the same tags in the same page. Pure functions, any
 * thread. */
#ifndef GOMOD_GOIMPORT_H
#define GOMOD_GOIMPORT_H

#include "base/arena.h"
#include "base/err.h"

struct goimport_tag {
	struct mg_span prefix, vcs, url;
	struct mg_span subdir; /* empty: none */
};

struct goimport_page {
	struct goimport_tag *tags; /* in the arena, as are the spans; in the page's order */
	size_t n;
	/* Reading came to </head>, <body, or what no tokenizer gets over, before the end of the bytes: a page of which
	 * these are only the beginning has the same tags. */
	bool ended;
};

/* MG_INVALID, with the line, for a syntax error before the first tag; one behind it is not minded. A page without
 * tags is well formed. *out is set in any case. */
MG_CHECK enum mg_code goimport_parse(struct mg_span page, struct arena *a,
				     struct goimport_page *out, struct mg_err *err);
/* The tag for path: the one whose prefix is path or is followed by "/" in it; a module proxy ("mod") goes before
 * others. MG_NOT_FOUND when there is none, or more than one. */
MG_CHECK enum mg_code goimport_match(const struct goimport_page *page, struct mg_span path,
				     struct goimport_tag *out, struct mg_err *err);
/* Do the page of path and the page of the prefix agree? */
bool goimport_same(const struct goimport_tag *a, const struct goimport_tag *b);
/* What the tag asks for is something we do: MG_NOT_FOUND for a subdir that leads out of the repository, and for
 * systems nobody knows. The URL is judged by repourl. */
MG_CHECK enum mg_code goimport_check(const struct goimport_tag *tag, struct mg_err *err);

#endif
