/* SPDX-License-Identifier: Apache-2.0 */
/* What the sessions of a server share. */
#ifndef HTTP_SERVER_INTERNAL_H
#define HTTP_SERVER_INTERNAL_H

#include "http/server.h"
#include "http/session.h"
#include "http/turn.h"
#include "wire/httpdate.h"

/* What is read of one connection at a time, before it is another one's turn: a hundred requests of HTTP/2. */
#define SERVER_INBOX (4u << 10)

/* A request body nobody reads is thrown away up to this size; a longer one is not read to its end. */
#define SERVER_SKIP_MAX (64u << 10)

/* Memory for requests that are under way, beyond which what each may have is little. */
#define SERVER_KEPT_MAX (32u << 20)

/* Input of all sessions that is kept for later: unfinished heads, pipelined requests. Beyond it those who have sent much
 * of an unfinished head are cut, the one that has been at it longest first: the others may be about to end theirs. */
#define SERVER_HELD_MAX (4u << 20)

struct h2kit;

struct server {
	struct loop *loop;
	struct server_options options; /* fields: owned */
	exchange_handler_fn *handler;
	void *arg;

	struct list waits[SESSION_WAIT_COUNT];
	struct list proxied; /* connections whose PROXY header is awaited */
	struct loop_timer *tick_timer;
	uint64_t tick_ms;
	bool ticking;
	size_t connections;
	size_t over_quota; /* of these */
	size_t held;       /* memory for input in the sessions */
	struct list
		holders; /* sessions with much of a head that is unfinished, the longest first */
	size_t kept; /* memory for requests that are under way: HTTP/2 streams, heads that were copied */
	size_t unsent; /* memory for frames of HTTP/2 that the sockets did not take */
	bool limits_requests;

	struct acceptor *acceptors;
	size_t acceptor_count;
	struct loop_timer *accept_timer; /* ends a pause */
	bool accept_paused;              /* no descriptors are left */
	bool accept_full;                /* no connection can make room for another */
	int reserve_fd;                  /* given up to refuse a connection when there are none */

	char *inbox;         /* SERVER_INBOX: where every recv goes first */
	struct outbound out; /* answers of the session whose input is being served */
	struct h2kit *h2;    /* what connections that speak HTTP/2 share; NULL before the first */
	struct live *spare;  /* the next exchange; kept, so that a hit allocates nothing */
	struct session *serving;

	struct greeting greeting;
	struct turn turn;

	char date[HTTPDATE_SIZE];
	int64_t date_s;
	uint64_t date_ms;
	char id[EXCHANGE_ID_SIZE]; /* the last request id */

	bool leaving; /* each answer is the last of its connection */
	bool draining, drained;
	bool hurried; /* draining, and who is idle is not waited for */
	struct loop_timer *drain_timer;
	loop_fn *on_drained;
	void *on_drained_arg;
};

/* The Date of now, HTTPDATE_SIZE characters, not NUL-terminated. */
const char *server_date(struct server *sv);
void server_next_id(struct server *sv, char out[EXCHANGE_ID_SIZE]);
/* Moves s to the end of a list. */
void server_wait(struct session *s, enum session_wait wait);
/* Ends, or tells, those whose time is over. False: that took until until_us, and there may be more. */
bool server_expire(struct server *sv, uint64_t until_us);
/* How long a head may take, and the first byte of a connection. */
uint32_t server_head_ms(const struct server *sv);
/* Of a request that is handled when its body is there; 0: it is not. */
size_t server_body_length(const struct server *sv, const struct head *h);
/* A connection more or less, whatever it is. */
void server_count(struct server *sv);
void server_uncount(struct server *sv);
/* s has begun / is about to be freed. */
void server_add(struct session *s);
void server_remove(struct session *s);

#endif
