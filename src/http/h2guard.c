/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2guard.h"

#define PREFACE_BYTES 24
#define FRAME_HEAD    9

/* RFC 9113 §6 */
enum frame_type {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_PRIORITY = 2,
	FRAME_RST_STREAM = 3,
	FRAME_SETTINGS = 4,
	FRAME_CONTINUATION = 9,
};
#define FLAG_END_STREAM  0x1
#define FLAG_END_HEADERS 0x4

/* DATA shorter than this is counted as if it brought nothing. */
#define DATA_TINY 1024
/* Each SETTINGS frame is applied, and its acknowledgement waits to be sent. */
#define COST_SETTINGS 10
#define COST_RESET    2

/* What time fills up, per second and at most, and what answers may fill up beyond that. Clients update
 * their windows up to every 4 KiB of an answer, twice: hence a frame for each KiB. */
static const struct {
	int32_t per_s, start, most;
} allowance[H2GUARD_KINDS] = {
	[H2GUARD_CHATTER] = { 200, 2000, 10000 },
	/* In COST_RESET: 100, and 10 more a second; half of the requests that were answered. */
	[H2GUARD_RESETS] = { 20, 200, 200 },
	[H2GUARD_FAULTS] = { 10, 100, 100 },
};
#define EARNED_BY_ANSWER 10
#define FILL_MS          100

void h2guard_init(struct h2guard *g, uint64_t now_ms)
{
	*g = (struct h2guard){ .skip = PREFACE_BYTES, .filled_ms = now_ms };
	for (int k = 0; k < H2GUARD_KINDS; k++)
		g->left[k] = allowance[k].start;
}

bool h2guard_in_head(const struct h2guard *g)
{
	return g->open || (g->block && g->skip > 0);
}

static void fill(struct h2guard *g, uint64_t now_ms)
{
	uint64_t ms = now_ms - g->filled_ms;

	if (ms < FILL_MS) return;
	if (ms > 10000) ms = 10000;
	g->filled_ms = now_ms;
	for (int k = 0; k < H2GUARD_KINDS; k++) {
		int32_t start = allowance[k].start;
		if (g->left[k] >= start) continue;
		g->left[k] += (int32_t)ms * allowance[k].per_s / 1000;
		if (g->left[k] > start) g->left[k] = start;
	}
}

bool h2guard_spend(struct h2guard *g, enum h2guard_kind kind, int32_t cost)
{
	g->left[kind] -= cost;
	if (g->left[kind] >= 0) return true;
	g->left[kind] = 0;
	g->spent = kind;
	return false;
}

static void earn(struct h2guard *g, enum h2guard_kind kind, int32_t n)
{
	int32_t most = allowance[kind].most;

	g->left[kind] = most - g->left[kind] < n ? most : g->left[kind] + n;
}

void h2guard_answered(struct h2guard *g)
{
	earn(g, H2GUARD_CHATTER, EARNED_BY_ANSWER);
	earn(g, H2GUARD_RESETS, 1);
}

void h2guard_sent(struct h2guard *g, size_t bytes)
{
	earn(g, H2GUARD_CHATTER, (int32_t)(bytes / 1024));
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Length (24), Type (8), Flags (8), Reserved (1), Stream Identifier (31) (RFC 9113 §4.1) */
static enum h2guard_verdict judge(struct h2guard *g)
{
	uint32_t length = be32(g->head) >> 8, id = be32(g->head + 5) & 0x7fffffff;
	uint8_t type = g->head[3], flags = g->head[4];
	enum h2guard_kind kind = H2GUARD_CHATTER;
	bool ask = type == FRAME_DATA || (type == FRAME_HEADERS && id <= g->newest);
	int32_t cost = 1;

	if (type == FRAME_HEADERS && id > g->newest) {
		g->newest = id;
		cost = 0;
	} else if (type == FRAME_DATA) {
		cost = length < DATA_TINY && !(flags & FLAG_END_STREAM);
	} else if (type == FRAME_RST_STREAM) {
		kind = H2GUARD_RESETS;
		cost = COST_RESET;
	} else if (type == FRAME_SETTINGS) {
		cost = COST_SETTINGS;
	} else if (g->head_n == H2GUARD_HEAD_MAX) {
		/* The session reads no priorities, and so refuses none (RFC 9113 §6.3, RFC 7540 §5.3.1). */
		if (id == 0 || (be32(g->head + FRAME_HEAD) & 0x7fffffff) == id)
			return H2GUARD_BROKEN;
	}
	/* What may come next is a CONTINUATION only, or the session ends. */
	g->block = type == FRAME_HEADERS || g->open;
	if (type != FRAME_CONTINUATION)
		g->continued = 0;
	else if (++g->continued > H2GUARD_CONTINUATIONS)
		return H2GUARD_ENOUGH;
	if (g->block) g->open = !(flags & FLAG_END_HEADERS);
	if (!h2guard_spend(g, kind, cost)) return H2GUARD_ENOUGH;
	g->asked = id;
	return ask ? H2GUARD_ASK : H2GUARD_FINE;
}

/* How many bytes belong to what is gathered in g->head. */
static uint8_t wanted(const struct h2guard *g)
{
	if (g->head_n < FRAME_HEAD) return FRAME_HEAD;
	bool priority = g->head[3] == FRAME_PRIORITY && be32(g->head) >> 8 == 5;
	return priority ? H2GUARD_HEAD_MAX : FRAME_HEAD;
}

enum h2guard_verdict h2guard_read(struct h2guard *g, struct mg_span bytes, uint64_t now_ms,
				  size_t *at, size_t *frame)
{
	size_t i = *at;

	fill(g, now_ms);
	while (i < bytes.n) {
		if (g->skip > 0) {
			size_t n = g->skip < bytes.n - i ? g->skip : bytes.n - i;
			g->skip -= (uint32_t)n;
			i += n;
			continue;
		}
		if (g->head_n == 0) *frame = i;
		g->head[g->head_n++] = (uint8_t)bytes.p[i++];
		if (g->head_n < wanted(g)) continue;
		/* Its head began in bytes that are gone. */
		if (g->head_n > i) *frame = 0;
		g->skip = (be32(g->head) >> 8) - (uint32_t)(g->head_n - FRAME_HEAD);
		enum h2guard_verdict verdict = judge(g);
		g->head_n = 0;
		*at = i;
		if (verdict != H2GUARD_FINE) return verdict;
	}
	*at = i;
	return H2GUARD_FINE;
}
