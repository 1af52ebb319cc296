/* SPDX-License-Identifier: Apache-2.0 */
/* The front process: one worker (loop thread) a core, each with its own server, hot table and channel
 * to fetch. Reads the store, never writes it. */
#ifndef SERVE_FRONT_H
#define SERVE_FRONT_H

#include "base/span.h"
#include "http/address.h"

struct importpage;
struct server_listener;

struct front_options {
	const char *store_root;
	const char *
		path_prefix; /* "" or "/go": what stands before GOPROXY paths; health stays at the root */
	const char *go_proxy;      /* value of the X-Go-Proxy field of every answer */
	const char *via;           /* our pseudonym in Via fields: seeing it means a loop (508) */
	uint32_t fresh_ms;         /* how long list, @latest and rev queries count as fresh */
	uint32_t stale_ms;         /* how much longer they are served while one refresh runs */
	uint32_t order_timeout_ms; /* the longest a request waits for fetch */
	uint32_t max_connections;  /* of the process; fewer where its descriptors are few */
	/* Of one client address; 0: what leaves some for others. Requests a second and at once; 0: any. */
	uint32_t connections_per_address, requests_per_address, burst_per_address;
	/* As in http/server.h. */
	struct address_set proxied_from, forwarded_from;
	bool forwarded_rfc7239;
	uint32_t header_timeout_ms, idle_timeout_ms, stall_timeout_ms, min_rate;
	size_t hot_bytes; /* of the process: prebuilt answers kept in memory */
	const char
		*sumdb; /* name of the checksum database that is served under /sumdb/; "": none */
	const char *const
		*sumdb_also; /* names of others that are, though nothing is proven by them */
	size_t sumdb_also_n;
	bool prove;            /* nothing public is served that it has not proven */
	const char *sumdb_key; /* the hash of its key, as records of what it has proven say it */
	bool lenient; /* what is on record as proven by nobody, for it could not be asked, is served */
	const char *nosumdb;     /* globs of modules that it must not hear of */
	uint32_t max_handshakes; /* of TLS, under way at a time on one worker */
	int tls_fd; /* a memfd with certificates (tls/bundle.h), the caller's; -1: no TLS */
	uint64_t tls_ticket_rotate_ms; /* how long one key seals session tickets */
	bool go_get;                   /* PATH?go-get=1 is passed through to the upstreams */
	bool hooks;                    /* POST /hooks/KIND goes to fetch */
	const struct importpage *import_pages; /* what is answered without them */
	size_t import_pages_n;
	bool metrics;           /* /metrics is answered; where metrics_fd listens, only there */
	bool metrics_athens;    /* with the names that Athens has for some of it */
	int metrics_fd;         /* a listening socket of its own, the caller's; -1: none */
	void (*on_ready)(void); /* NULL, or called once, when all loops run; any thread */
	void (*on_alive)(void); /* the same for each ping */
	void (*on_deaf)(void);  /* the same once, when no loop accepts any more */
};

/* Control messages from the supervisor (a channel): the first byte is the kind. */
#define FRONT_CONTROL_LAST_CALL                                                                    \
	'L' /* not ready any more, each answer is its connection's last; accepting goes on */
#define FRONT_CONTROL_DRAIN 'D' /* then a little-endian u32: deadline in ms */
#define FRONT_CONTROL_TLS   'T' /* with one descriptor: other certificates */
#define FRONT_CONTROL_RETIRE                                                                       \
	'E' /* as DRAIN: another front serves on the same sockets, clients must not notice */
#define FRONT_CONTROL_CHANNELS                                                                     \
	'C' /* with one descriptor a worker: channels to the fetch that orders go to from now on */

#define FRONT_CONTROL_PING 'P' /* on_alive is called when all loops have turned */

/* Serves until drained (control message, or the control channel closing = the supervisor is gone).
 * channel_fds: one a worker, taken over, as are the listening descriptors, which are closed when nothing
 * is accepted any more. Returns an exit code. */
int front_run(const struct front_options *given, const struct server_listener *listeners,
	      size_t listener_count, int control_fd, const int *channel_fds, unsigned workers);

#endif
