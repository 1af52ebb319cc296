/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of a module: the body of @v/list, and which of them is the latest (protocol §1.5, §1.6,
 * §3.9). A list and its spans live in an arena. Any thread, one at a time. */
#ifndef GOMOD_VERLIST_H
#define GOMOD_VERLIST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct verlist {
	struct mg_span *v;
	size_t n, cap;
};

#define VERLIST_INIT ((struct verlist){ 0 })

/* Appends the versions of an upstream's answer for path: lines whose first word is a canonical version
 * that fits the path and is no pseudo-version; the go command would ignore or fail on others. Copies.
 * MG_CORRUPT when the body is not blank and no line begins with any version: it is no list, and taking
 * it for "no versions" would be a false absence. */
MG_CHECK enum mg_code verlist_parse(struct mg_span body, struct mg_span path, struct arena *a,
				    struct verlist *list, struct mg_err *err);
/* The line of such a body that is the newest by its time (second word, RFC 3339) or as a
 * pseudo-version: what stands in for @latest when there is none. Empty if no line has a time. A part
 * of body. */
struct mg_span verlist_newest(struct mg_span body);
/* Appends one version; copies. It is the caller's word that it belongs in a list. */
void verlist_add(struct verlist *list, struct mg_span version, struct arena *a);
/* Ascending order, each once. */
void verlist_sort(struct verlist *list);
/* Appends the body: one version a line. */
void verlist_print(const struct verlist *list, struct mg_buf *out);

/* The highest version without "+incompatible", prereleases included; empty if none. Any order. */
struct mg_span verlist_highest_compatible(const struct verlist *list);
/* The highest release, else the highest prerelease; empty if none. Any order. "+incompatible" versions
 * count only if there are no others or with_incompatible is set: right if the .mod of
 * verlist_highest_compatible was made up by the proxy ("module PATH"), for a real go.mod says that the
 * module went on under /v2. */
struct mg_span verlist_latest(const struct verlist *list, bool with_incompatible);

#endif
