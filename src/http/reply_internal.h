/* SPDX-License-Identifier: Apache-2.0 */
/* What a reply is made of, for the sender. */
#ifndef HTTP_REPLY_INTERNAL_H
#define HTTP_REPLY_INTERNAL_H

#include "http/reply.h"

/* The head is kept ready to send but for the date, the server's own fields and the empty line:
 *   HTTP/1.1 200 OK | Date: … | shared: Cache-Control, ETag, … | Content-Type | Content-Length
 * so that 304 and 206 are put together from slices of it. */
struct reply {
	unsigned refs;
	int status;
	bool close;
	unsigned tally;        /* among METRICS_REQUESTS */
	size_t date_at;        /* where in head the 29 characters of the date stand */
	struct mg_span head;   /* up to the last field line, with its CRLF */
	struct mg_span shared; /* slice of head: lines that 304 and 206 carry too */
	struct mg_span type;   /* slice of head: the Content-Type line */
	struct mg_span etag;   /* slice of head */
	int64_t last_modified;
	ptrdiff_t request_id_at;
	uint64_t size; /* of the body, in memory or in the file */
	struct mg_span body;
	struct reply_file *file;
	size_t bytes;
	char store[]; /* head, body */
};

#endif
