/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each origin (scheme, host, port): how many transfers run to it, and whether its
 * circuit is open. Any thread; host_enter blocks. */
#ifndef UPSTREAM_HOST_H
#define UPSTREAM_HOST_H

#include "base/err.h"
#include "loop/cancel.h"
#include "upstream/breaker.h"

struct host_limits {
	uint32_t per_host;
	uint32_t queue_ms;
	uint32_t breaker_failures;
	uint32_t breaker_open_ms;
};

struct host_table;
struct host;

struct host_permit {
	struct host *host; /* NULL: none held */
	const char *label; /* as given to host_enter */
	enum breaker_pass pass;
};

enum host_outcome {
	HOST_ALIVE,  /* it answered */
	HOST_FAILED, /* a transport fault, or an answer that says it is down or overloaded */
	HOST_UNTOLD, /* canceled, or a fault of ours */
};

struct host_table *host_table_new(const struct host_limits *limits);
void host_table_free(struct host_table **t); /* no permit may be held */

/* Waits for a permit. MG_UNAVAILABLE at once when the circuit is open (retry_after_s set), or when
 * none came free within queue_ms; MG_CANCELED. label is for the text. */
MG_CHECK enum mg_code host_enter(struct host_table *t, const char *origin, const char *label,
				 const struct cancel *cancel, struct host_permit *out,
				 struct mg_err *err);
/* why: the failure, repeated to those whom the open circuit turns away. NULL unless HOST_FAILED. */
void host_leave(struct host_table *t, struct host_permit *permit, enum host_outcome outcome,
		const struct mg_err *why);

#endif
