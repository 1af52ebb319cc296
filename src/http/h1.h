/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on a connection (RFC 9112): reads requests, hands them to the handler one at a time, sends the answers in
 * order. For this room; the server's loop. */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include "base/buf.h"
#include "http/growth.h"
#include "http/outbound.h"
#include "http/pages.h"

struct live;
struct session;

/* Part of every session; of one that speaks HTTP/2 it is empty. */
struct h1 {
	struct mg_buf in; /* an incomplete head, or pipelined input; empty and freed when idle */
	size_t scanned;   /* of in, by head_parse */
	size_t needed;    /* bytes at hand before it is worth looking at them again */
	uint64_t skip;    /* bytes of a request body to be thrown away */
	bool more;        /* in holds input that was not looked at yet */
	bool unsure;      /* perhaps the peer speaks something else, and would not know a refusal */
	bool closing;     /* no further request; end after the output */
	bool linger;      /* see session_finish */
	struct live *live;    /* the exchange being answered */
	struct outbound *out; /* what the socket did not take at once */
	struct pages_job *job;
	struct growth_waiter growing;
};

/* unsure: see above. */
void h1_start(struct session *s, bool unsure);
/* Lets go of what it holds; h1.live is the caller's to tell. */
void h1_free(struct session *s);
/* Bytes that were read, behind those in h1.in. The session may be gone after. */
void h1_take(struct session *s, struct mg_span bytes);
/* Its socket is ready / it is its turn: goes on with what is at hand. True: what the socket has can be taken. False
 * also when the session is gone. */
bool h1_on_io(struct session *s);
bool h1_resume(struct session *s);
/* Sends an answer, and ends its exchange. The session may be gone after, unless its input is being served. */
void h1_answer(struct live *v, struct reply *r, struct outbound_how *how);
/* The next answer is the last. */
void h1_leave(struct session *s);
/* The time for its head, its next request, or for the peer to take an answer is over. */
void h1_expire(struct session *s);
/* Tries again to have pages read, after the lane was full. */
void h1_retry_disk(struct session *s);

#endif
