/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: its socket, what it waits for, its end. What is said on it is http/h1.h, or http/h2.h once the
 * peer has shown that it speaks that. Everything on the server's loop. */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include "base/list.h"
#include "http/address.h"
#include "http/greeting.h"
#include "http/h1.h"
#include "http/listener.h"
#include "http/transport.h"
#include "loop/loop.h"

/* What a session waits for; each has its list in the server, oldest first. */
enum session_wait {
	SESSION_IDLE,  /* a request */
	SESSION_HEAD,  /* the rest of a request, or a fresh connection's first byte */
	SESSION_WRITE, /* the peer to take bytes; counted anew each time that it has taken enough */
	SESSION_LINGER,  /* the peer to close, after our side is closed */
	SESSION_HANDLER, /* the answer of a parked exchange */
	SESSION_DISK,    /* pages of a file body */
	SESSION_GROWTH,  /* a file body to grow */
};
#define SESSION_WAIT_COUNT (SESSION_GROWTH + 1)

struct server;
struct h2;

struct session {
	struct list node;   /* in server->waits[wait] */
	struct list resume; /* in a queue of server->turn */
	struct list holds;  /* in server->holders */
	struct server *server;
	struct loop_io *io;
	uint64_t since_ms; /* when it entered its list */
	struct list greet; /* in server->greeting, unless GREETING_NONE */
	uint64_t greet_ms; /* when it entered that */
	enum greeting_state greeting;
	struct transport wire;
	enum session_wait wait;
	bool stranger; /* has asked nothing yet */
	bool sniff;   /* whether it speaks HTTP/2 will show in its first bytes, which h1.in keeps */
	bool unread;  /* the socket may hold input that will not be told again */
	bool hangup;  /* the peer's end was told: read until it is met */
	bool counted; /* has a share of its address's quota */
	bool over_quota;   /* beyond what its address may have: told so, and closed */
	uint32_t lingered; /* bytes thrown away while lingering */
	int64_t taken;     /* WRITE: bytes that the peer had taken when this wait began */
	size_t held;       /* of server->held */
	struct address peer;
	struct h1 h1;
	struct h2 *h2; /* NULL: it speaks HTTP/1.1, or has not shown yet */
};

/* Takes the connected fd over. */
struct session *session_start(struct server *sv, int fd, const struct address *peer,
			      enum listener_kind kind);
/* Looks at input that is at hand, in the buffer or in the socket. */
void session_resume(struct session *s);
/* The time of what it waits for is over. False: it may go on, for it has not been idle. */
bool session_expire(struct session *s);
/* Keeps the account of what the sessions hold of input together: after that changed. */
void session_account(struct session *s);
/* While that is too much, cuts those who do not come to an end with theirs. In a turn of its own. */
void session_make_room(struct server *sv);
/* Nothing is left to do on it. linger: the peer is still sending, which would turn our close into a reset, and must
 * hear why it ended. False when it is gone. */
bool session_finish(struct session *s, bool linger);
/* The server goes: ends it if it is idle, or as soon as that can be done without losing a request. */
void session_drain(struct session *s);
/* Ends it now, an unfinished answer by a reset. Tells a parked exchange's handler. */
void session_cut(struct session *s);

#endif
