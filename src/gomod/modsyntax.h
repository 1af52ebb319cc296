/* SPDX-License-Identifier: Apache-2.0 */
/* The lines and blocks of a go.mod file with the comments that belong to them (protocol §5.2). The
 * tree lives in an arena, its spans are parts of the file. Any thread. */
#ifndef GOMOD_MODSYNTAX_H
#define GOMOD_MODSYNTAX_H

#include "base/arena.h"
#include "base/err.h"

#define MODSYNTAX_NODES_MAX 250000 /* lines, blocks and comments of one file: bounds memory */
#define MODSYNTAX_TOKENS    8      /* no directive has more */

struct modsyntax_comment {
	struct mg_span text; /* with its "//"; empty: a blank line between the lines of a block */
	struct modsyntax_comment *next;
};

struct modsyntax_comments {
	struct modsyntax_comment *first, *last;
};

struct modsyntax_line {
	struct mg_span tokens[MODSYNTAX_TOKENS];
	size_t n;        /* all of the line, even beyond those that are kept */
	unsigned number; /* from 1 */
	struct modsyntax_comments above, behind;
	struct modsyntax_line *next;
};

/* A line, or "verb (" lines ")": then head holds the tokens before "(". */
struct modsyntax_stmt {
	struct modsyntax_line head;
	bool is_block;
	struct modsyntax_line *lines;
	struct modsyntax_stmt *next;
};

/* MG_INVALID with the line's number when it is no go.mod file, or over the bound. */
MG_CHECK enum mg_code modsyntax_parse(struct mg_span file, struct arena *a,
				      struct modsyntax_stmt **out, struct mg_err *err);

#endif
