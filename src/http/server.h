/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts connections on listening sockets and runs HTTP/1.1 (RFC 9112) and HTTP/2 (RFC 9113) sessions on
 * one loop. Knows nothing of Go modules. One server a loop; several loops may share the listening descriptors. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/address.h"
#include "http/exchange.h"
#include "http/listener.h"
#include "loop/lane.h"
#include "loop/loop.h"
#include "tls/tlsserver.h"

struct server;

struct server_options {
	uint32_t header_timeout_ms; /* from the first byte of a head to its end: 408 and close */
	uint32_t idle_timeout_ms;   /* keep-alive without a request */
	uint32_t stall_timeout_ms;  /* an answer of which the peer takes less than min_rate */
	uint32_t min_rate;          /* bytes a second; 0: a byte is enough */
	/* Of this loop; beyond it idle ones make room, or accepting pauses. */
	uint32_t max_connections;
	/* What one client address may take; NULL: anything. Outlives the server. */
	struct quota *quota;
	/* Whose connections must begin with a PROXY header, and whose word on whom a request came from is taken:
	 * X-Forwarded-For, or Forwarded (RFC 7239). The networks stay the caller's, until server_free. */
	struct address_set proxied_from, forwarded_from;
	bool forwarded_rfc7239;
	/* Which requests are handled when their body is there, and how long that may be. NULL: none. */
	bool (*takes_body)(const struct head *head);
	uint32_t body_max;
	struct mg_span fields; /* lines put into every answer: "Server: …\r\nX-Go-Proxy: …\r\n" */
	struct lane *fs_lane;    /* where file pages that are not in memory are read */
	struct tlsserver *tls;   /* for listeners with tls; a reference is taken */
	uint32_t max_handshakes; /* of TLS, under way at a time */
};

/* A listening socket and how its connections begin. */
struct server_listener {
	int fd;
	enum listener_kind kind;
};

/* The listening fds stay the caller's, listeners and options are copied; the lane outlives the server. handler runs on
 * l. Everything here is for l's thread once it runs. SIGPIPE is ignored in the whole process from here on. */
struct server *server_new(struct loop *l, const struct server_listener *listeners, size_t count,
			  const struct server_options *options, exchange_handler_fn *handler,
			  void *arg);
/* From now on each answer is the last one of its connection (Connection: close). Accepting goes on. */
void server_last_call(struct server *s);
/* Takes the connections that wait to be accepted, then stops accepting, closes idle connections (a new
 * one may still ask within five seconds), lets answers finish (Connection: close), then calls on_drained once,
 * from the loop, at the latest after deadline_ms (what is left is cut). Once a server, but may follow a
 * server_retire, whose on_drained is then forgotten. */
void server_drain(struct server *s, uint64_t deadline_ms, loop_fn *on_drained, void *arg);
/* The same for a server whose sockets another one goes on to accept on: nobody must notice. What waits is
 * left to the other; an idle connection may ask once more, up to its time-out; HTTP/2 connections get a GOAWAY. */
void server_retire(struct server *s, uint64_t deadline_ms, loop_fn *on_drained, void *arg);
/* For connections that come from now on; those there are go on as they began. */
void server_set_tls(struct server *s, struct tlsserver *tls);
/* Cuts what is left; parked exchanges are told (on_gone). on_drained is not called any more. */
void server_free(struct server **s);
size_t server_connections(const struct server *s);

#endif
