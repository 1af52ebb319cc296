/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/breaker.h"

bool breaker_is_open(const struct breaker *b, uint64_t now_ms)
{
	return b->open_until != 0 && (now_ms < b->open_until || b->probing);
}

enum breaker_pass breaker_ask(struct breaker *b, uint64_t now_ms)
{
	if (b->open_until == 0) return BREAKER_GO;
	if (breaker_is_open(b, now_ms)) return BREAKER_STOP;
	b->probing = true;
	return BREAKER_PROBE;
}

void breaker_success(struct breaker *b)
{
	*b = (struct breaker){ 0 };
}

void breaker_failure(struct breaker *b, enum breaker_pass pass, uint64_t now_ms, uint32_t failures,
		     uint32_t open_ms)
{
	if (b->in_a_row < UINT32_MAX) b->in_a_row++;
	/* An exchange begun before the circuit opened may fail after that: it does not prolong. */
	bool decides = pass == BREAKER_PROBE || b->open_until == 0;
	if (decides && b->in_a_row >= failures) b->open_until = now_ms + open_ms;
	if (pass == BREAKER_PROBE) b->probing = false;
}

void breaker_neutral(struct breaker *b, enum breaker_pass pass)
{
	if (pass == BREAKER_PROBE) b->probing = false;
}

bool breaker_is_idle(const struct breaker *b)
{
	return b->in_a_row == 0 && b->open_until == 0;
}
