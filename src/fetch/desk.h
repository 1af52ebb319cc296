/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's channel to fetch, and what it has open there. The loop's thread. */
#ifndef FETCH_DESK_H
#define FETCH_DESK_H

#include "base/list.h"
#include "base/map.h"
#include "fetch/ticket.h"
#include "loop/channel.h"

struct fetch;
struct flight;

struct desk {
	struct list node;
	struct fetch *fetch;
	struct channel *channel;
	struct map askers; /* by order id */
};

/* One order that waits for a flight. */
struct asker {
	struct map_node by_id;
	uint32_t id;
	struct list node; /* in its flight */
	struct flight *flight;
	struct desk *desk;
	bool following; /* it was given the stream */
};

void desk_send(struct desk *d, const struct ticket *t, const int *fds, size_t fd_count);
/* The answer to an order: like, but for its type and id. */
void desk_result(struct desk *d, uint32_t id, const struct ticket *like);
void desk_failure(struct desk *d, uint32_t id, const struct mg_err *err, uint64_t ttl_ms);
/* Not done, and not to be done here any more. */
void desk_give_back(struct desk *d, uint32_t id);
/* The asker leaves desk and flight, and is freed. */
void desk_forget(struct asker *a);

#endif
