/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer. Belongs to its server's loop and is used on that thread only. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/arena.h"
#include "http/reply.h"
#include "wire/head.h"

#define EXCHANGE_ID_SIZE     16
#define EXCHANGE_SUBJECT_MAX 512 /* cut there */

struct exchange {
	/* Spans valid until the handler returns; exchange_park keeps them longer. */
	struct head head;
	/* Of a request that server_options.takes_body wanted the body of: valid until the handler returns. p NULL: it
	 * was not wanted, has no Content-Length, is too long, or its sender asks first (Expect). */
	struct mg_span body;
	struct arena arena;        /* freed with the exchange */
	char id[EXCHANGE_ID_SIZE]; /* request id: lower-case hex, unique */
	void *user;                /* the handler's */
	/* Set by a handler that parks: called once if the client leaves before the answer. After it
	 * the exchange is gone; the handler must drop its pointer. Never called after exchange_send. */
	void (*on_gone)(struct exchange *x);
};

/* Called when a request head is complete. Must either exchange_send before returning, or
 * exchange_park and send later. */
typedef void exchange_handler_fn(struct exchange *x, void *arg);

/* Keeps the exchange (and copies its head into the arena) beyond the handler's return. */
void exchange_park(struct exchange *x);
/* Answers: evaluates HEAD, preconditions and Range against the reply, sends, ends the exchange.
 * Exactly once per exchange. x must not be touched afterwards. Takes its own reference of r. */
void exchange_send(struct exchange *x, struct reply *r);
/* The address that asks as text, for logs: the peer's, or that which a trusted proxy names (without port). */
struct mg_span exchange_peer(const struct exchange *x);
/* The subject of the certificate that its client has shown, verified (RFC 2253); empty: it has shown none. */
struct mg_span exchange_subject(const struct exchange *x);

#endif
