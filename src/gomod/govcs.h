/* SPDX-License-Identifier: Apache-2.0 */
/* The value of GOVCS: which version control systems may be used for which modules (protocol §3.3).
 * Any thread. */
#ifndef GOMOD_GOVCS_H
#define GOMOD_GOVCS_H

#include "base/arena.h"
#include "base/err.h"

struct govcs_rule {
	struct mg_span pattern; /* "public", "private", or a glob as in GOPRIVATE */
	struct mg_span systems; /* "git|hg", "all", "off" */
};

struct govcs {
	struct govcs_rule *rules; /* in the arena; the spans are the value's */
	size_t n;
};

/* MG_INVALID with the reason when the go command refuses the value. An empty one has no rules. */
MG_CHECK enum mg_code govcs_parse(struct mg_span value, struct arena *a, struct govcs *out,
				  struct mg_err *err);
/* May vcs be used for the repository at root? The first rule that fits decides; behind them stand the
 * go command's own: any system for private modules, git and hg for public ones. */
bool govcs_allows(const struct govcs *g, struct mg_span root, bool is_private, struct mg_span vcs);

#endif
