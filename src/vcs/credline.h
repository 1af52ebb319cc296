/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a file of credentials (credential.h). Pure functions, any thread. */
#ifndef VCS_CREDLINE_H
#define VCS_CREDLINE_H

#include "base/err.h"
#include "gomod/repourl.h"

enum credline_kind {
	CREDLINE_TOKEN,
	CREDLINE_BASIC,
	CREDLINE_GITHUB_APP,
	CREDLINE_KEY,
};

/* Spans of the text. */
struct credline {
	struct mg_span origin; /* as it stands there */
	struct repourl url;
	enum credline_kind kind;
	struct mg_span words[2]; /* name; app and installation */
	struct mg_span file;
};

/* Takes the next line that says something off *text. MG_NOT_FOUND at the end, MG_INVALID with the reason; *number
 * counts lines and begins at 0. */
MG_CHECK enum mg_code credline_next(struct mg_span *text, size_t *number, struct credline *out,
				    struct mg_err *err);
/* The same scheme, host and port? ssh and git+ssh are one scheme. */
bool credline_fits(const struct credline *l, const struct repourl *url);

#endif
