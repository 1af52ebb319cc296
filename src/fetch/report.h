/* SPDX-License-Identifier: Apache-2.0 */
/* What a long command tells while it works, as lines of text: between the fetch process and the program
 * that asked for it over the control socket, or within one program. No I/O; any thread. */
#ifndef FETCH_REPORT_H
#define FETCH_REPORT_H

#include "base/buf.h"

enum report_type {
	REPORT_PROGRESS, /* done, total, bytes */
	REPORT_FINDING,  /* word: what; name: of what; text: why */
	REPORT_DONE,     /* the last line: numbers as the command says; text may be empty */
	REPORT_FAILED,   /* the last line; text: why */
};

#define REPORT_NUMBERS  6
#define REPORT_LINE_MAX 24576 /* bytes, with the line feed */

struct report {
	enum report_type type;
	uint64_t number[REPORT_NUMBERS]; /* PROGRESS: three of them */
	struct mg_span word;             /* letters; not empty */
	struct mg_span name;             /* no spaces; not empty */
	struct mg_span text;
};

/* Appends the line. Control bytes in the texts become '?', spaces in a name too. */
void report_print(const struct report *r, struct mg_buf *out);
/* A line without its line feed; spans point into it. False: it is no such line. */
bool report_parse(struct mg_span line, struct report *out);

#endif
