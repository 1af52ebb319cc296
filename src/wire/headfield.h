/* SPDX-License-Identifier: Apache-2.0 */
/* What the header lines of a request mean to the server; for head.c and
 * fieldhead.c. */
#ifndef WIRE_HEADFIELD_H
#define WIRE_HEADFIELD_H

#include "wire/head.h"

struct headfield_notes {
	bool host_from_target; /* the target was absolute-form: its authority stands, Host is checked only */
	bool host, length, coding;
	bool close, keep_alive; /* named by Connection */
};

/* Takes one line into *out. Returns NULL, or the reason to refuse the request with *status. */
const char *headfield_note(struct head *out, struct headfield_notes *notes, struct mg_span name,
			   struct mg_span value, int *status);
/* After the last line: the rules about several fields. Returns as headfield_note. */
const char *headfield_judge(struct head *out, const struct headfield_notes *notes, int *status);

/* uri-host [ ":" port ], not empty (RFC 9110 §7.2, §4.2.1). */
bool headfield_host_ok(struct mg_span host);

#endif
