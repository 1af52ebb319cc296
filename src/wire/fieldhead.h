/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request that comes as a list of fields (HTTP/2, RFC 9113 §8.2, §8.3): it becomes the same
 * struct head as that of an HTTP/1.1 request, by the same rules. Pure function of bytes. */
#ifndef WIRE_FIELDHEAD_H
#define WIRE_FIELDHEAD_H

#include "wire/headfield.h"

struct fieldhead {
	struct head *head;
	struct headfield_notes notes;
	struct mg_span authority, host; /* p == NULL: not there */
	bool scheme, regular;           /* has come */
	size_t fields;                  /* pseudo-header fields not counted */
	size_t bytes;                   /* as RFC 9113 §6.5.2 counts: 32 more a field */
	int status;                     /* of reason */
	const char *reason;             /* to refuse the request; NULL: none so far */
};

void fieldhead_begin(struct fieldhead *f, struct head *out);
/* One field in the order of arrival. The spans must live as long as *out is used. */
void fieldhead_add(struct fieldhead *f, struct mg_span name, struct mg_span value);
/* After the last field. False: refuse the request with f->status and f->reason, as head_parse says. */
bool fieldhead_end(struct fieldhead *f);

#endif
