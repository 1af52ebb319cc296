/* SPDX-License-Identifier: Apache-2.0 */
/* One connection. It speaks HTTP/1.1 (RFC 9112): reads requests, hands them to the handler one at a time,
 * sends the answers in order; or HTTP/2, which is http/h2.h. Everything on the server's loop. */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include "base/buf.h"
#include "base/list.h"
#include "http/address.h"
#include "http/exchange.h"
#include "http/greeting.h"
#include "http/growth.h"
#include "http/listener.h"
#include "http/outbound.h"
#include "http/pages.h"
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
struct session;
struct h2;

/* An exchange with what only this room knows of it. */
struct live {
	struct exchange x;
	struct session
		*session; /* NULL: the client left, and the handler did not want to be told */
	struct server *server;
	uint64_t since_ms; /* when its head was complete */
	size_t kept;       /* of server->kept */
	bool parked;
};

#define LIVE_OF(exchange) LIST_OWNER(exchange, struct live, x)

struct session {
	struct list node;   /* in server->waits[wait] */
	struct list resume; /* in a queue of server->turn */
	struct server *server;
	struct loop_io *io;
	uint64_t since_ms; /* when it entered its list */
	struct list greet; /* in server->greeting, unless GREETING_NONE */
	uint64_t greet_ms; /* when it entered that */
	enum greeting_state greeting;
	struct transport wire;
	enum session_wait wait;
	struct h2 *h2; /* speaks HTTP/2: of what follows, only what the socket told is used */
	bool stranger; /* has asked nothing yet */
	bool sniff;    /* which of the two will show in its first bytes */
	bool strange; /* it may, and has said nothing yet that is one: it would not know our answer */
	bool closing;      /* no further request; end after the output */
	bool linger;       /* end by lingering: unread input would turn our close into a reset */
	bool more;         /* in holds input that was not looked at yet */
	bool unread;       /* the socket may hold input that will not be told again */
	bool hangup;       /* the peer's end was told: read until it is met */
	bool counted;      /* has a share of its address's quota */
	bool over;         /* beyond what its address may have: told so, and closed */
	uint32_t lingered; /* bytes thrown away while lingering */
	int64_t taken;     /* WRITE: bytes that the peer had taken when this wait began */
	size_t held;       /* of server->held */
	struct mg_buf in;  /* an incomplete head, or pipelined input; empty and freed when idle */
	size_t scanned;    /* of in, by head_parse */
	size_t needed;     /* bytes at hand before it is worth looking at them again */
	uint64_t skip;     /* bytes of a request body to be thrown away */
	struct live *live; /* the exchange being answered */
	struct outbound *out; /* what the socket did not take at once */
	struct pages_job *job;
	struct growth_waiter growing;
	struct address peer;
};

/* Takes the connected fd over. */
struct session *session_start(struct server *sv, int fd, const struct address *peer,
			      enum listener_kind kind);
/* Looks at input that is at hand, in the buffer or in the socket. */
void session_resume(struct session *s);
/* After an answer was put into s->out outside of the handler's call. */
void session_answered(struct session *s);
/* The time of what it waits for is over. False: it may go on, for it has not been idle. */
bool session_expire(struct session *s);
/* Keeps the account of what the sessions hold of input together: after that changed. */
void session_account(struct session *s);
/* Tries again to have pages read, after the lane was full. */
void session_retry_disk(struct session *s);
/* Is there too little of that memory left for the unfinished head that this one holds? */
bool session_holds_too_much(const struct session *s);
/* An HTTP/2 connection has nothing left to do. linger: the peer is still sending, and must hear why it
 * ended. False when it is gone. */
bool session_finish(struct session *s, bool linger);
/* The server goes: ends it if it is idle, or as soon as that can be done without losing a request. */
void session_drain(struct session *s);
/* Ends it now, an unfinished answer by a reset. Tells a parked exchange's handler. */
void session_cut(struct session *s);

#endif
