/* SPDX-License-Identifier: Apache-2.0 */
#include "http/turn.h"

#include "base/clock.h"
#include "http/server_internal.h"

/* What it may take of one turn, and then what it is just at: the longest that it delays a hit. */
#define TURN_US 100
/* Where those who are known keep the loop busy for longer, the others get a part of that beside them: else they would be
 * one a turn, however long it is. */
#define TURN_PART 4

/* At least one of them, or it might never be their turn. Returns how long those took who have asked something before. */
static uint64_t run(struct list *queue, uint64_t until_us)
{
	uint64_t at_us = clock_mono_us(), known_us = 0;
	struct list batch, *first;
	bool over = false;

	list_init(&batch);
	list_take(&batch, queue);
	while (!over && (first = list_first(&batch)) != NULL) {
		struct session *s = LIST_OWNER(first, struct session, resume);
		const bool known = !s->stranger;
		list_remove(first);
		session_resume(s);
		const uint64_t now_us = clock_mono_us();
		if (known) known_us += now_us - at_us;
		at_us = now_us;
		over = now_us >= until_us;
	}
	/* Those that came meanwhile are behind them. */
	list_take(&batch, queue);
	list_take(queue, &batch);
	return known_us;
}

static void on_turn(void *arg)
{
	struct server *sv = arg;
	struct turn *t = &sv->turn;
	const uint64_t begun_us = clock_mono_us();
	uint64_t until_us = begun_us + TURN_US;
	/* What happened since the last one. */
	uint64_t known_us = t->ended_us > 0 ? begun_us - t->ended_us : 0;

	if (t->crowded) session_make_room(sv);
	t->crowded = false;
	known_us += run(&t->soon, until_us);
	const uint64_t now_us = clock_mono_us();
	if (until_us < now_us + known_us / TURN_PART) until_us = now_us + known_us / TURN_PART;
	/* First those who are here come to an end with what they have sent. */
	if (sv->held > SERVER_HELD_MAX) until_us = now_us;
	(void)run(&t->later, until_us);
	if (t->expiring) t->expiring = !server_expire(sv, until_us);
	if (list_empty(&t->soon) && list_empty(&t->later) && !t->expiring && !t->crowded) {
		loop_chore_stop(t->chore);
		t->ended_us = 0;
	} else {
		t->ended_us = clock_mono_us();
	}
}

void turn_start(struct server *sv)
{
	struct turn *t = &sv->turn;

	list_init(&t->soon);
	list_init(&t->later);
	t->chore = loop_chore_new(sv->loop, on_turn, sv);
}

void turn_stop(struct server *sv)
{
	loop_chore_free(&sv->turn.chore);
}

static void wait_in(struct list *queue, struct session *s)
{
	if (!list_empty(&s->resume)) return;
	list_append(queue, &s->resume);
	loop_chore_start(s->server->turn.chore);
}

void turn_soon(struct session *s)
{
	wait_in(&s->server->turn.soon, s);
}

void turn_later(struct session *s)
{
	wait_in(&s->server->turn.later, s);
}

void turn_make_room(struct server *sv)
{
	sv->turn.crowded = true;
	loop_chore_start(sv->turn.chore);
}

void turn_expire(struct server *sv)
{
	sv->turn.expiring = true;
	loop_chore_start(sv->turn.chore);
}
