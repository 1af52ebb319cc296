/* SPDX-License-Identifier: Apache-2.0 */
/* Semantic versions as Go spells them: "v1", "v1.2", "v1.2.3-pre+build" (semver.org 2.0.0, protocol
 * §2.5). Numbers may have any number of digits. Pure functions, any thread; spans that come back are
 * parts of the argument. */
#ifndef GOMOD_VERSION_H
#define GOMOD_VERSION_H

#include "base/buf.h"

struct version {
	struct mg_span text;
	struct mg_span major, minor, patch; /* digits; "0" where a shorthand leaves them out */
	struct mg_span pre;                 /* with its "-"; empty: a release */
	struct mg_span build;               /* with its "+" */
	unsigned numbers;                   /* written out: 1 for "v1", 2 for "v1.2", 3 */
};

bool version_parse(struct mg_span s, struct version *out); /* *out is untouched when false */
bool version_is_valid(struct mg_span s);
/* "v1.2.3", "v1.2.3-pre", "v2.0.0+incompatible": the form a module version has. */
bool version_is_canonical(struct mg_span s);
/* Appends that form: shorthands filled up, other build metadata dropped. False when s is invalid. */
bool version_canonical(struct mg_span s, struct mg_buf *out);
/* "v1" of "v1.2.3"; empty when s is invalid. */
struct mg_span version_major(struct mg_span s);
bool version_is_incompatible(struct mg_span s); /* build metadata is exactly "+incompatible" */
bool version_is_prerelease(struct mg_span s);   /* false for invalid ones */
/* Precedence: <0, 0, >0. Build metadata does not count; the invalid are equal and lowest. */
int version_compare(struct mg_span a, struct mg_span b);
/* The same with ties broken bytewise: the order of lists. */
int version_order(struct mg_span a, struct mg_span b);
void version_sort(struct mg_span *list, size_t n);

#endif
