/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection has still to send: finished bytes (heads and small bodies, several answers one
 * after the other), then at most one body that is not copied. The loop's thread; never blocks. */
#ifndef HTTP_OUTBOUND_H
#define HTTP_OUTBOUND_H

#include "base/buf.h"
#include "http/reply_internal.h"
#include "http/transport.h"
#include "wire/conditional.h"

struct outbound {
	struct mg_buf bytes;
	size_t sent;         /* of bytes */
	uint64_t pushed;     /* given to the transport so far, of all it ever had */
	struct reply *reply; /* then its body bytes [from, to); a reference of ours; NULL: none */
	uint64_t from, to;
	uint64_t resident_to; /* file bodies: up to here the pages were found in memory */
};

/* How a reply is to be sent to one asker. */
struct outbound_how {
	enum conditional_verdict verdict;
	uint64_t first, last; /* CONDITIONAL_PARTIAL */
	bool head_only;
	const char *date;          /* HTTPDATE_SIZE characters */
	const char *id;            /* of the request, 16 characters */
	bool id_field;             /* send it as a field too */
	struct mg_span server;     /* field lines of every answer */
	struct mg_span connection; /* field line, or empty */
};

enum outbound_result {
	OUTBOUND_DONE,   /* all is sent */
	OUTBOUND_FULL,   /* when the socket is writable */
	OUTBOUND_DISK,   /* when outbound_window is in memory */
	OUTBOUND_WAIT,   /* when the file has grown (http/growth.h) */
	OUTBOUND_BROKEN, /* the peer is gone, or the file is not what it was: cut the connection */
};

void outbound_deinit(struct outbound *o);
/* Nothing may follow an uncopied body: asserted. */
void outbound_add(struct outbound *o, struct reply *r, const struct outbound_how *how);
/* True while answers may be added. */
static inline bool outbound_open(const struct outbound *o)
{
	return o->reply == NULL;
}
static inline bool outbound_empty(const struct outbound *o)
{
	return o->reply == NULL && o->sent == o->bytes.n;
}
/* Sends what the socket takes, of a large body at most about a MiB, so that others get their turn. check_pages: do not touch file pages that are not in memory. */
enum outbound_result outbound_push(struct outbound *o, struct transport *t, bool check_pages,
				   bool *progress);
/* After OUTBOUND_DISK: the part of the file to be read next. */
void outbound_window(const struct outbound *o, uint64_t *from, uint64_t *to);
/* Moves what is left to *to, so that the buffer of o can serve others. */
void outbound_move(struct outbound *o, struct outbound *to);

#endif
