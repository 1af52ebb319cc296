/* SPDX-License-Identifier: Apache-2.0 */
#include "http/greeting.h"

#include "http/server_internal.h"
#include "record/metrics.h"

/* How long a peer may keep us waiting while others wait: longer than any line takes, and, when those others have
 * waited as long themselves, than most lines do. */
#define GREETING_PATIENCE_MS 1000
#define GREETING_HURRY_MS    100
#define GREETING_TICK_MS     25

static uint64_t waited_ms(const struct session *s)
{
	return loop_now_ms(s->server->loop) - s->greet_ms;
}

static void enter(struct session *s, enum greeting_state state)
{
	struct greeting *g = &s->server->greeting;
	const bool on = state == GREETING_ON;

	list_remove(&s->greet);
	list_append(on ? &g->on : &g->waiting, &s->greet);
	s->greeting = state;
	s->greet_ms = loop_now_ms(s->server->loop);
	g->on_n += on;
	metrics_add(METRICS_TLS_GREETING + (on ? METRICS_GREETING_ON : METRICS_GREETING_WAITING),
		    1);
}

static void leave(struct session *s)
{
	const bool on = s->greeting == GREETING_ON;

	s->server->greeting.on_n -= on;
	metrics_add(METRICS_TLS_GREETING + (on ? METRICS_GREETING_ON : METRICS_GREETING_WAITING),
		    (uint64_t)-1);
	list_remove(&s->greet);
	s->greeting = GREETING_NONE;
}

static struct session *first(const struct list *l)
{
	struct list *node = list_first((struct list *)(uintptr_t)l);

	return node != NULL ? LIST_OWNER(node, struct session, greet) : NULL;
}

static void let_in(struct server *sv)
{
	struct greeting *g = &sv->greeting;
	struct session *s;

	while (g->on_n < sv->options.max_handshakes && (s = first(&g->waiting)) != NULL) {
		leave(s);
		enter(s, GREETING_ON);
		s->unread = true;
		turn_later(s);
	}
}

/* Is it the peer that keeps the oldest from going on? What it has said is heard in this turn or the next. */
static bool is_silent(const struct session *s)
{
	char byte;

	return !s->unread && recv(s->wire.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void on_tick(void *arg)
{
	struct server *sv = arg;
	struct greeting *g = &sv->greeting;
	struct session *next, *oldest;

	while ((next = first(&g->waiting)) != NULL && (oldest = first(&g->on)) != NULL) {
		const uint64_t patience = waited_ms(next) < GREETING_PATIENCE_MS
						  ? GREETING_PATIENCE_MS
						  : GREETING_HURRY_MS;
		if (waited_ms(oldest) < patience || !is_silent(oldest)) return;
		metrics_add(METRICS_EVICTED, 1);
		session_cut(oldest);
	}
	if (next != NULL) return;
	loop_timer_stop(g->timer);
	g->ticking = false;
}

void greeting_start(struct server *sv)
{
	struct greeting *g = &sv->greeting;

	list_init(&g->on);
	list_init(&g->waiting);
	g->timer = loop_timer_new(sv->loop, on_tick, sv);
}

void greeting_stop(struct server *sv)
{
	loop_timer_free(&sv->greeting.timer);
}

static ssize_t not_now(void)
{
	errno = EAGAIN;
	return -1;
}

/* May it go on, as far as room is concerned? */
static bool has_room(struct session *s)
{
	struct greeting *g = &s->server->greeting;

	if (s->greeting != GREETING_NONE) return s->greeting == GREETING_ON;
	if (tlsconn_too_early(s->wire.tls)) return false;
	if (g->on_n < s->server->options.max_handshakes && first(&g->waiting) == NULL) {
		enter(s, GREETING_ON);
		return true;
	}
	enter(s, GREETING_WAITS);
	if (!g->ticking) loop_timer_start(g->timer, GREETING_TICK_MS, GREETING_TICK_MS);
	g->ticking = true;
	return false;
}

ssize_t greeting_receive(struct session *s)
{
	struct server *sv = s->server;

	/* It has failed, and only its end is awaited. */
	if (s->wait == SESSION_LINGER) return transport_recv(&s->wire, sv->inbox, SERVER_INBOX);
	if (!has_room(s)) return not_now();
	const ssize_t n = transport_recv(&s->wire, sv->inbox, SERVER_INBOX);
	const int why = errno;
	if (!tlsconn_begun(s->wire.tls)) greeting_leave(s);
	errno = why;
	return n;
}

void greeting_leave(struct session *s)
{
	if (s->greeting == GREETING_NONE) return;
	leave(s);
	let_in(s->server);
}
