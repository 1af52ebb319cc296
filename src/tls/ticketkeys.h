/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that seal session tickets (RFC 5077 §4, RFC 8446 §4.6.1). They change with time, and the one
 * before the last is still understood, so that a stolen one opens little and a change costs nobody a
 * handshake. Shared by all loops: any thread. */
#ifndef TLS_TICKETKEYS_H
#define TLS_TICKETKEYS_H

#include <stdbool.h>
#include <stdint.h>

#define TICKETKEYS_NAME_SIZE 16

struct ticketkeys;

struct ticketkeys_key {
	uint8_t name[TICKETKEYS_NAME_SIZE];
	uint8_t cipher[32];
	uint8_t mac[32];
};

/* Made at random, in memory only. period_ms: how long one seals; it opens for as long again. */
struct ticketkeys *ticketkeys_new(uint64_t period_ms);
void ticketkeys_free(struct ticketkeys **t);
/* What was sealed before is not understood any more. */
void ticketkeys_forget(struct ticketkeys *t);
/* A copy, to be wiped: the key that seals at the moment now_ms (monotonic). */
void ticketkeys_seal(struct ticketkeys *t, uint64_t now_ms, struct ticketkeys_key *out);
/* By its name. False: unknown, or too old. *old: it seals no more. */
bool ticketkeys_open(struct ticketkeys *t, uint64_t now_ms,
		     const uint8_t name[TICKETKEYS_NAME_SIZE], struct ticketkeys_key *out,
		     bool *old);

#endif
