/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an upstream's answer, as far as a transfer needs it: fed line by line as curl hands
 * them over, judged by our own rules (two lengths that differ, a length beside chunked coding). */
#ifndef UPSTREAM_ANSWERHEAD_H
#define UPSTREAM_ANSWERHEAD_H

#include "base/err.h"

struct answerhead {
	int status;    /* 0 before the first status line; interim 1xx answers are overwritten */
	bool complete; /* the empty line was seen */
	bool has_length;
	uint64_t length;
	bool chunked;
	bool has_range;
	uint64_t range_from, range_to, range_size; /* Content-Range; size is UINT64_MAX for "*" */
	uint32_t retry_after_s;
	size_t bytes; /* of the head so far */
	char content_type[128];
	char content_encoding[32]; /* "" for identity */
	char etag[128];            /* with its quotes; "" when there is none, or too long to keep */
	char location[8192];
};

/* One line with its CRLF; the empty one ends the head. Lines after that are trailers and ignored
 * until a new status line. MG_CORRUPT (cause http) for a head that must not be trusted. */
MG_CHECK enum mg_code answerhead_line(struct answerhead *h, struct mg_span line, int64_t now_wall_s,
				      struct mg_err *err);
/* A validator fit for If-Range (RFC 9110 §13.1.5): present and strong. */
bool answerhead_strong_etag(const struct answerhead *h);

#endif
