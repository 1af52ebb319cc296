/* SPDX-License-Identifier: Apache-2.0 */
/* TLS handshakes on a server: each costs a hundred times the time of a hit and, while its peer keeps us waiting,
 * 45 KiB. So few are under way at a time, and they have a bounded share of each turn of the loop (http/turn.h). Beyond that new ones
 * wait, in the order in which they asked, costing nothing but their connection; and who has kept us waiting for long
 * while others wait is ended. For this room; the server's loop only. */
#ifndef HTTP_GREETING_H
#define HTTP_GREETING_H

#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"

struct server;
struct session;

/* A session's part in it. */
enum greeting_state {
	GREETING_NONE,
	GREETING_WAITS, /* it has asked, and there is no room */
	GREETING_ON,    /* it may go on, or is just to begin */
};

struct greeting {
	struct list on, waiting; /* sessions, the oldest first */
	uint32_t on_n;
	struct loop_timer *timer; /* runs while somebody waits */
	bool ticking;
};

void greeting_start(struct server *sv);
void greeting_stop(struct server *sv);
/* As transport_recv on a session whose handshake is not over. EAGAIN is also that it is not its turn. */
ssize_t greeting_receive(struct session *s);
/* The session is about to be freed. */
void greeting_leave(struct session *s);

#endif
