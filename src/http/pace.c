/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pace.h"

#include "http/h2.h"
#include "http/server_internal.h"

/* Bytes that the peer's system has acknowledged of what is being sent, give or take what was under way
 * before. */
static int64_t taken(const struct session *s)
{
	uint64_t pushed = s->h2 != NULL ? s->h2->pushed : s->h1.out != NULL ? s->h1.out->pushed : 0;

	return (int64_t)pushed - transport_unsent(&s->wire);
}

void pace_begin(struct session *s)
{
	server_wait(s, SESSION_WRITE);
	s->taken = taken(s);
}

bool pace_kept(struct session *s)
{
	const struct server_options *o = &s->server->options;
	const int64_t least = (int64_t)((uint64_t)o->min_rate * o->stall_timeout_ms / 1000);

	if (taken(s) - s->taken < (least > 0 ? least : 1)) return false;
	pace_begin(s);
	return true;
}
