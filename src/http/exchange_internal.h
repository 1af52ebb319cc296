/* SPDX-License-Identifier: Apache-2.0 */
/* What this room knows of exchanges, and does with them, that their handlers do not. */
#ifndef HTTP_EXCHANGE_INTERNAL_H
#define HTTP_EXCHANGE_INTERNAL_H

#include "base/list.h"
#include "http/exchange.h"

struct server;
struct session;

struct live {
	struct exchange x;
	/* NULL: the client left, and the handler did not want to be told */
	struct session *session;
	struct server *server;
	uint64_t since_ms; /* when its head was complete */
	size_t kept;       /* of server->kept */
	bool parked;
};

#define LIVE_OF(exchange) LIST_OWNER(exchange, struct live, x)

/* What a head costs to keep. */
size_t exchange_weight(const struct head *h);
#define EXCHANGE_WEIGHT_LEAST 4096u /* an arena has no smaller block */
/* Copies its head into its arena, once: what the spans point to goes away. */
void exchange_keep(struct exchange *x);
/* Frees its arena. */
void exchange_let_go(struct live *v);
/* The client left before the answer: tells the handler, frees it unless the handler still answers. */
void exchange_gone(struct live *v);

#endif
