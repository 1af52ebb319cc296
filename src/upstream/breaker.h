/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit breaker as a value: closed → open after failures in a row → half open (one probe) →
 * closed or open again. No clock, no lock: the owner brings both. */
#ifndef UPSTREAM_BREAKER_H
#define UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker {
	uint32_t in_a_row;   /* failures since the last success */
	uint64_t open_until; /* ms; 0: closed */
	bool probing;        /* half open, and the probe is under way */
};

enum breaker_pass {
	BREAKER_GO,    /* closed */
	BREAKER_PROBE, /* half open: this caller is the probe and must report */
	BREAKER_STOP,
};

/* May an exchange start at now_ms? Each GO or PROBE is followed by one of the three reports. */
enum breaker_pass breaker_ask(struct breaker *b, uint64_t now_ms);
/* Would breaker_ask say STOP? */
bool breaker_is_open(const struct breaker *b, uint64_t now_ms);
void breaker_success(struct breaker *b);
void breaker_failure(struct breaker *b, enum breaker_pass pass, uint64_t now_ms, uint32_t failures,
		     uint32_t open_ms);
/* Canceled, or failed for reasons of our own: says nothing about the host. */
void breaker_neutral(struct breaker *b, enum breaker_pass pass);
bool breaker_is_idle(const struct breaker *b); /* nothing worth remembering */

#endif
