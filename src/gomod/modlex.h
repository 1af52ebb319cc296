/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of a go.mod file (go.dev/ref/mod#go-mod-file-lexical, protocol §5.1). One thread at a
 * time; nothing is allocated. */
#ifndef GOMOD_MODLEX_H
#define GOMOD_MODLEX_H

#include "base/span.h"

enum modlex_kind {
	MODLEX_EOF,
	MODLEX_NEWLINE,
	MODLEX_COMMENT,     /* on a line of its own, with its newline */
	MODLEX_EOL_COMMENT, /* behind something, with its newline */
	MODLEX_MARK,        /* one of ( ) [ ] { } , */
	MODLEX_STRING,      /* with its quotes */
	MODLEX_WORD,
	MODLEX_ERROR, /* *fault says why; the end */
};

struct modlex_token {
	enum modlex_kind kind;
	struct mg_span text;      /* a part of the file; of comments without the newline */
	unsigned line, last_line; /* where it begins and ends, from 1 */
};

struct modlex {
	struct mg_span rest;
	unsigned line;
	bool line_begun; /* something other than white space stands on this line */
	const char *fault;
};

#define MODLEX_INIT(file) ((struct modlex){ .rest = (file), .line = 1 })

struct modlex_token modlex_next(struct modlex *lex);
static inline bool modlex_ends_line(enum modlex_kind kind)
{
	return kind == MODLEX_EOF || kind == MODLEX_NEWLINE || kind == MODLEX_EOL_COMMENT;
}

#endif
