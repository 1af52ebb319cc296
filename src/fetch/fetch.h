/* SPDX-License-Identifier: Apache-2.0 */
/* The miss path, run by the fetch process: takes orders from the front's channels, gets what is not
 * stored from the origins, checks and commits it. State belongs to the loop's thread; the work itself is
 * straight blocking code on a lane. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "gomod/proxylist.h"
#include "loop/loop.h"
#include "meta/negative.h"
#include "store/store.h"
#include "upstream/upstream.h"

struct fetch;
struct vcs;

/* Control messages from the supervisor to the fetch process (a channel): the first byte is the kind. */
#define FETCH_CONTROL_PING 'P' /* to be answered by the loop */
#define FETCH_CONTROL_GO                                                                           \
	'G' /* open the store and work; with a descriptor: the lock, which others held before */
#define FETCH_CONTROL_CHANNELS 'C' /* with descriptors: channels to the workers of a front */
#define FETCH_CONTROL_CERTIFICATES                                                                 \
	'S' /* with a descriptor (none: of none): of which ones to get OCSP answers (fetch/stapler.h) */
#define FETCH_CONTROL_RETIRE                                                                       \
	'T' /* then a little-endian u32: in so many ms give back what is not done, and end */

/* What becomes of a public artifact that the checksum database cannot be asked about. */
enum fetch_sumdb {
	FETCH_SUMDB_REQUIRED,       /* refused until it can */
	FETCH_SUMDB_WHEN_REACHABLE, /* taken, and marked as not proven */
	FETCH_SUMDB_OFF,            /* the database is not asked */
};

#define FETCH_SUMDB_ALSO_MAX 8

struct fetch_options {
	const char *goproxy; /* the list of upstreams, as GOPROXY */
	bool offline;        /* the checksum database is not asked either, wherever it is */
	const char *private; /* globs of modules no upstream may hear of (GONOPROXY or GOPRIVATE) */
	const char *gosumdb; /* the checksum database, as GOSUMDB */
	const char *const
		*sumdb_also; /* others that are answered for, as GOSUMDB; proven by none */
	size_t sumdb_also_n; /* up to FETCH_SUMDB_ALSO_MAX */
	const char *nosumdb; /* globs of modules it must not hear of (GONOSUMDB or GOPRIVATE) */
	enum fetch_sumdb sumdb;
	uint32_t absent_ms; /* how long a proven absence is repeated without asking again */
	uint32_t denied_ms; /* the same for what an upstream withholds */
	uint32_t down_ms;   /* how long a stale answer is repeated when no origin could be asked */
	unsigned threads;   /* flights at work at a time */
	uint64_t stream_above; /* bytes: a larger zip is sent while it comes; 0: none is */
	bool prefetch;         /* what is likely to be asked next is got before it is asked */
	bool go_get;           /* PATH?go-get=1 may be passed through */
	/* Files with the secrets of webhooks, by enum hook_kind; NULL or "": none are taken. */
	const char *hook_secrets[3];
	struct vcs *vcs; /* repositories; NULL: none is read. The caller's */
};

/* MG_INVALID: the list of upstreams or the checksum database is malformed. store (open for writing), upstream and negative stay
 * the caller's, as do the strings in options. */
MG_CHECK enum mg_code fetch_new(struct loop *l, const struct fetch_options *options,
				struct store *store, struct upstream *upstream,
				struct negative *negative, struct fetch **out, struct mg_err *err);
/* A worker's channel, taken over. When it closes its orders are forgotten. */
void fetch_add_channel(struct fetch *f, int fd);
/* Another fetch takes over: orders that come are given back at once (TICKET_BACK), those under way after
 * after_ms, but for what is being streamed. When the front has closed all channels on_idle is called, from the loop. */
void fetch_retire(struct fetch *f, uint64_t after_ms, loop_fn *on_idle, void *arg);
/* What jobs may use; until fetch_free. */
struct job_means;
const struct job_means *fetch_means(const struct fetch *f);
/* Cancels what is under way and waits for it. After loop_run returned. */
void fetch_free(struct fetch **f);

#endif
