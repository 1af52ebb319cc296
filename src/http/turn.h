/* SPDX-License-Identifier: Apache-2.0 */
/* How the sessions of a server share the turns of its loop. Who has asked something before and asks again is served in
 * the event that tells it, up to a portion of input. Everything else waits here and gets a bounded time of each turn, or
 * where those others keep the loop busy a part of theirs: what is left of larger input, connections that have asked
 * nothing yet (and what they say and how they end is what most floods are made of), those whose peer has left, those
 * whose time is over. For this room; the server's loop only. */
#ifndef HTTP_TURN_H
#define HTTP_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct server;
struct session;
struct loop_chore;

struct turn {
	struct list soon, later; /* sessions, the longest waiting first */
	struct loop_chore *chore;
	uint64_t ended_us; /* the last one; 0: the loop may have waited since */
	bool expiring;     /* there may be sessions whose time is over */
	bool crowded;      /* there is too much input */
};

void turn_start(struct server *sv);
void turn_stop(struct server *sv);
/* session_resume, in a turn of its own: input is at hand that nobody will announce, or an answer. Calling it again,
 * or the other, before does nothing. */
void turn_soon(struct session *s);
/* The same, behind those. */
void turn_later(struct session *s);
/* session_make_room. */
void turn_make_room(struct server *sv);
/* server_expire, until all are looked at. */
void turn_expire(struct server *sv);

#endif
