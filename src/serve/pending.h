/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of one worker that could not be answered at once: one pending a store key, any number
 * of exchanges waiting for it. A pending is being looked up on the fs lane or has been ordered from
 * fetch; each waiter gets the answer, or the failure. Loop thread only. */
#ifndef SERVE_PENDING_H
#define SERVE_PENDING_H

#include "fetch/ticket.h"
#include "gomod/target.h"
#include "http/exchange.h"
#include "serve/worker.h"

struct pending_table;

struct pending_table *pending_table_new(struct worker *w);
void pending_table_free(struct pending_table **t);
/* Answers x for t: now when that needs no wait, else it is parked. stored_only: never asks fetch. t
 * lives in x's arena. */
void pending_begin(struct pending_table *t, struct exchange *x, const struct target *target,
		   bool stored_only);
/* What is no target: PATH?go-get=1, passed through to the upstreams (TICKET_GO_GET; path: the URL path),
 * or a question to the checksum database (TICKET_SUMDB; path: below the database's URL). */
void pending_ask(struct pending_table *t, struct exchange *x, uint32_t flag, struct mg_span path);

#endif
