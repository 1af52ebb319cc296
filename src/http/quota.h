/* SPDX-License-Identifier: Apache-2.0 */
/* What one client address may take: so many connections at a time, so many requests a second. IPv4 addresses
 * count one by one, IPv6 addresses by their first 64 bits, which one customer has as a rule. Any thread: the
 * loops of a process share it. Memory is bounded: by the connections there are, and for addresses without
 * one by QUOTA_IDLE_MAX. */
#ifndef HTTP_QUOTA_H
#define HTTP_QUOTA_H

#include <stdbool.h>

#include "http/address.h"

/* Addresses without a connection that are remembered, because they have used up some of their requests. */
#define QUOTA_IDLE_MAX 16384

struct quota_options {
	uint32_t connections; /* at a time; 0: any number */
	uint32_t requests;    /* a second in the long run; 0: any number */
	uint32_t burst;       /* at once, after a quiet time */
};

struct quota;

struct quota *quota_new(const struct quota_options *options);
void quota_free(struct quota **q);

/* One connection more from that address: may it be? True must be followed by quota_leave. Peers without an
 * address (Unix sockets) may do anything. */
bool quota_enter(struct quota *q, const struct address *a);
void quota_leave(struct quota *q, const struct address *a);
/* One request more. False: *retry_after_s is when there will be room. */
bool quota_request(struct quota *q, const struct address *a, uint64_t now_ms,
		   uint32_t *retry_after_s);
/* Are requests limited at all? */
bool quota_limits_requests(const struct quota *q);
/* Addresses that are remembered; for tests. */
size_t quota_addresses(struct quota *q);

#endif
