/* SPDX-License-Identifier: Apache-2.0 */
/* One request of an HTTP/2 connection, from its fields to the last byte of its answer. For this room; the
 * server's loop. */
#ifndef HTTP_H2STREAM_H
#define HTTP_H2STREAM_H

#include "http/exchange_internal.h"
#include "http/growth.h"
#include "http/h2.h"
#include "http/h2fields.h"

struct h2stream {
	struct live live; /* first: what outlives its session is freed as any other live is */
	struct h2 *h2;
	struct list node;  /* in h2->streams */
	struct list wait;  /* in one of the kit's lists, or in none */
	uint64_t since_ms; /* when it was looked at there */
	int32_t id;
	bool ended;   /* the request is whole */
	bool awaited; /* the rest of the request is, before the handler is called */
	bool answered;
	bool sending;     /* an answer that has a body */
	bool our_fault;   /* its answer lacks bytes that were promised */
	uint32_t skipped; /* bytes of the request's body that were thrown away */
	bool wants_body;
	struct mg_buf body; /* what has come of it */
	struct reply
		*reply; /* its body bytes [from, to) are still to be sent; a reference of ours */
	uint64_t from, to;
	uint64_t resident_to; /* up to here the lane has read the file */
	uint64_t reading_to;  /* up to here it is reading it */
	uint64_t looked_from; /* from, at since_ms */
	uint64_t looked_sent; /* h2->sent then */
	struct pages_job *job;
	struct growth_waiter growing;
	struct list disk; /* in kit->disks, while the lane has no room */
	struct h2fields_text text;
};

/* nghttp2's callbacks about streams. */
void h2stream_callbacks(nghttp2_session_callbacks *callbacks);
/* exchange_send for an exchange that came by HTTP/2. What *how points to stays until it is encoded. */
void h2stream_answer(struct live *v, struct reply *r, const struct outbound_how *how);
/* Says by a GOAWAY that the newest stream is the last. */
void h2stream_last(struct h2 *h);
/* Frees it; a handler that is still to answer is told. */
void h2stream_end(struct h2stream *st);
/* The time of what it waits for is over, or it may be time to look at what it did. */
void h2stream_expire(struct h2stream *st, uint64_t now_ms);
/* Those whose file could not be read because the lane was full. */
void h2stream_retry_disk(struct h2kit *kit);

#endif
