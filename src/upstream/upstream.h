/* SPDX-License-Identifier: Apache-2.0 */
/* Outgoing HTTP, GET and POST: blocking calls for lane threads, connections shared and kept alive between
 * them. http, https and file URLs. Limits, bounded retries with resume, redirects by hand, per-host
 * concurrency and circuit breaker live here. Any thread. */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "base/buf.h"
#include "base/err.h"
#include "loop/cancel.h"
#include "upstream/reach.h"

struct upstream;

struct upstream_options {
	uint32_t connect_ms;    /* DNS, TCP and TLS together */
	uint32_t first_byte_ms; /* from request to first byte of the answer */
	uint32_t stall_ms;      /* below 1 KiB/s for that long */
	uint32_t retries;   /* further tries of one GET after a transport fault or 502/503/504 */
	uint32_t redirects; /* hops followed */
	uint32_t per_host;  /* transfers to one host at a time */
	uint32_t queue_ms;  /* how long to wait for one of them */
	uint32_t breaker_failures; /* transport faults in a row that open a host's circuit */
	uint32_t breaker_open_ms;  /* how long it stays open before one probe is let through */
	const char *user_agent;
	const char *via; /* our own Via element, "1.1 name", for loop detection (RFC 9110 §7.6.3) */
	const char *ca_file; /* PEM bundle besides the system's; NULL: none */
	const char
		*networks; /* that requests of limited reach may go to all the same; NULL: none */
};

/* The strings in options stay the caller's and are used until upstream_free. SIGPIPE is set to be
 * ignored if it still had its default effect. Proxies are read from the environment here. */
struct upstream *upstream_new(const struct upstream_options *options);
void upstream_free(struct upstream **u); /* no call may be running */
/* Closes connections that were idle for a minute; to be called every few seconds. Any thread. */
void upstream_sweep(struct upstream *u);

#define UPSTREAM_SIZE_UNKNOWN UINT64_MAX

/* Where body bytes go. Called on the calling thread. Any result but MG_OK ends the transfer with it. */
struct upstream_sink {
	/* A body begins, after restart if another was begun before: so long it says it will be (or
	 * UPSTREAM_SIZE_UNKNOWN). Not for one that is gone on with. May be NULL. */
	enum mg_code (*begin)(void *arg, uint64_t size, struct mg_err *err);
	enum mg_code (*write)(void *arg, struct mg_span bytes, struct mg_err *err);
	enum mg_code (*restart)(void *arg,
				struct mg_err *err); /* forget all: the transfer starts over */
	void *arg;
};

#define UPSTREAM_PEER_SIZE 64

struct upstream_request {
	struct mg_span url;  /* credentials in it go into Authorization, to that origin only */
	struct mg_span root; /* file: the tree's root; when that is gone nothing is proven absent.
				   Empty: not looked at */
	/* "Authorization: Bearer" to the URL's origin only; empty: none */
	struct mg_span bearer;
	bool post;             /* a POST of body; its redirects are refused */
	struct mg_span body;   /* of a POST; some KiB */
	const char *fields[4]; /* "Name: value" of the request besides ours, up to a NULL */
	bool stay;             /* redirects are refused */
	enum reach reach;      /* anything but MG_DENIED (cause policy) is within it */
	bool insecure; /* whoever answers is believed to be the host: no certificate is checked */
	struct mg_buf *landed; /* gets the URL that answered, after redirects; NULL: not wanted */
	char *peer; /* UPSTREAM_PEER_SIZE: gets its address; "" when a proxy stood between; may be NULL */
	struct mg_span via; /* Via value received with the question, passed on before ours */
	uint64_t max_bytes; /* of the body; more is MG_CORRUPT */
	struct upstream_sink sink;
	const struct cancel *cancel; /* NULL: none */
};

struct upstream_answer {
	int status; /* as received after redirects; 200 for a file that exists */
	char content_type[128];
	uint32_t retry_after_s;
	struct mg_buf
		text; /* start of the body of an answer other than 200 (caller inits with a maximum, deinits) */
	/* Was the end of the body told (a length, chunks, TLS), not merely reached? If not, a body that was
	 * cut looks like a whole one. */
	bool framed;
	uint64_t bytes; /* body bytes delivered to the sink; 0 unless status is 200 */
};

/* MG_OK whenever the other side answered completely, whatever the status: body to the sink for 200
 * only. Otherwise *err says which step failed (cause dns, connect, tls, http, upstream), with the
 * host, never with credentials. MG_CANCELED within 1 s of the token being set. */
MG_CHECK enum mg_code upstream_get(struct upstream *u, const struct upstream_request *rq,
				   struct upstream_answer *answer, struct mg_err *err);
/* Is a host, as it stands in a URL, within the reach as far as that can be told without DNS? MG_DENIED (cause policy)
 * if not. For connections that others make. */
MG_CHECK enum mg_code upstream_check_host(const struct upstream *u, enum reach reach,
					  struct mg_span host, struct mg_err *err);
/* The URL without user-info and query, for logs and records. */
void upstream_redact(struct mg_span url, struct mg_buf *out);

#endif
