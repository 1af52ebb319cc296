/* SPDX-License-Identifier: Apache-2.0 */
/* The tags of a page, as Go's encoding/xml finds them when it is not strict (goimport.h says for whom): XML 1.0 with
 * the sloppiness of HTML, but for scripts that hold a bare "<". Nesting is not looked at. Pure functions, any thread. */
#ifndef GOMOD_XMLSCAN_H
#define GOMOD_XMLSCAN_H

#include "base/buf.h"

/* An attribute of the tag that is being read: its name without what stands before a colon, its value with references
 * replaced; one without a value has its name for it. Both spans hold until this returns. */
typedef void xmlscan_attribute_fn(void *arg, struct mg_span name, struct mg_span value);

/* Set up by xmlscan_init; `ran_out` and `why` may be read. */
struct xmlscan {
	struct mg_span page;
	size_t at;
	bool ran_out;       /* the end of the page was looked at */
	const char *why;    /* set: what no tokenizer gets over */
	struct mg_buf text; /* of the last attribute or character data, decoded */
	xmlscan_attribute_fn *attribute;
	void *arg;
};

struct xmlscan_token {
	enum {
		XMLSCAN_START, /* <name …>, whose attributes have been told */
		XMLSCAN_EMPTY, /* <name …/>, the same */
		XMLSCAN_END,   /* </name> */
		XMLSCAN_OTHER, /* text, comments, declarations */
	} kind;
	struct mg_span name; /* without what stands before a colon; of the page */
};

/* The page outlives it. */
void xmlscan_init(struct xmlscan *s, struct mg_span page, xmlscan_attribute_fn *attribute,
		  void *arg);
void xmlscan_deinit(struct xmlscan *s);
/* False: the page is over, or why says what is wrong with it; what was told of a tag that is cut off does not count. */
bool xmlscan_next(struct xmlscan *s, struct xmlscan_token *out);
/* Where it stands, from 1. */
size_t xmlscan_line(const struct xmlscan *s);

#endif
