/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, and where the counts stand: in memory that supervisor, front and fetch share, so that one
 * of them can show what all have counted and a crash loses nothing. Each loop thread of front has a page of
 * its own, in which counting is a plain load and store; everybody else shares the page of his process.
 * Before metrics_attach counts go to a page of this process alone. Names and texts: record/exposition.c. */
#ifndef RECORD_METRICS_H
#define RECORD_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	METRICS_WORKERS_MAX = 32,
	/* May live at a time: those of a supervisor, which are at most ten, and of others before it. */
	METRICS_FRONTS = 32,
	METRICS_HOSTS_MAX = 16, /* upstreams with counts of their own; the others share one more */
	METRICS_HOST_NAME = 64,
	METRICS_BUCKETS = 15, /* of a histogram, the last without a bound; the sum follows them */
	METRICS_CODES = 25,   /* HTTP status codes that we send, and one for any other */
};

/* Values of labels; their words are in exposition.c, in the same order. */
enum metrics_kind {
	METRICS_KIND_OTHER, /* health, metrics, go-get, and what is no request for anything we have */
	METRICS_KIND_LIST,
	METRICS_KIND_LATEST,
	METRICS_KIND_INFO,
	METRICS_KIND_MOD,
	METRICS_KIND_ZIP,
	METRICS_KIND_QUERY,
	METRICS_KIND_SUMDB,
	METRICS_KINDS
};
enum metrics_lookup {
	METRICS_LOOKUP_MEMORY, /* an answer that was held ready */
	METRICS_LOOKUP_STORE,
	METRICS_LOOKUP_FETCHED,
	METRICS_LOOKUP_FAILED, /* no good answer, whether asked for or remembered */
	METRICS_LOOKUPS
};
enum metrics_refused {
	METRICS_REFUSED_ADDRESS,     /* as many connections as an address may have */
	METRICS_REFUSED_DESCRIPTORS, /* none were left */
	METRICS_REFUSALS
};
enum metrics_pause {
	METRICS_PAUSE_DESCRIPTORS, /* none were left */
	METRICS_PAUSE_CONNECTIONS, /* there are as many as may be, all of them at work */
	METRICS_PAUSES
};
enum metrics_timeout {
	METRICS_TIMEOUT_IDLE,
	METRICS_TIMEOUT_HEAD,
	METRICS_TIMEOUT_WRITE,
	METRICS_TIMEOUT_HANDSHAKE,
	METRICS_TIMEOUTS
};
enum metrics_reset {
	METRICS_RESET_RECEIVED, /* the client took a request back */
	METRICS_RESET_SENT,     /* we ended one for what the client did */
	METRICS_RESET_KINDS
};
enum metrics_flood {
	METRICS_FLOOD_CHATTER, /* frames that neither ask for anything nor bring anything */
	METRICS_FLOOD_RESETS,  /* requests taken back */
	METRICS_FLOOD_FAULTS,  /* what we had to refuse or to reset */
	METRICS_FLOOD_HEAD,    /* a head in too many pieces, or of too many bytes */
	METRICS_FLOOD_UNSENT,  /* what calls for more frames of ours than can be sent */
	METRICS_FLOODS
};
enum metrics_handshake {
	METRICS_HANDSHAKE_FULL,
	METRICS_HANDSHAKE_RESUMED,
	METRICS_HANDSHAKE_FAILED,
	METRICS_HANDSHAKES
};
enum metrics_greeting {
	METRICS_GREETING_ON,
	METRICS_GREETING_WAITING, /* for one of those to end */
	METRICS_GREETINGS
};
enum metrics_reload {
	METRICS_RELOAD_TAKEN,
	METRICS_RELOAD_REFUSED,
	METRICS_RELOADS
};
enum metrics_hook {
	METRICS_HOOK_TAKEN,
	METRICS_HOOK_REFUSED, /* not signed with our secret, or no hook that we know */
	METRICS_HOOK_FAILED,  /* we could not look: the secret cannot be read */
	METRICS_HOOK_RESULTS
};
enum metrics_upgrade {
	METRICS_UPGRADE_DONE,
	METRICS_UPGRADE_FAILED,
	METRICS_UPGRADES
};
enum metrics_ocsp {
	METRICS_OCSP_GOOD,
	METRICS_OCSP_REVOKED,
	METRICS_OCSP_FAILED,
	METRICS_OCSPS
};
enum metrics_proof {
	METRICS_PROOF_PROVEN,
	METRICS_PROOF_EXEMPT,
	METRICS_PROOF_MISMATCH,
	METRICS_PROOF_UNKNOWN,     /* the database has no record of it */
	METRICS_PROOF_UNREACHABLE, /* it could not be asked, or its word not be proven */
	METRICS_PROOFS
};
enum metrics_lane {
	METRICS_LANE_FS,
	METRICS_LANE_FETCH,
	METRICS_LANES
};
enum metrics_class {
	METRICS_CLASS_2XX,
	METRICS_CLASS_3XX,
	METRICS_CLASS_4XX,
	METRICS_CLASS_5XX,
	METRICS_CLASS_ERROR,    /* no answer */
	METRICS_CLASS_CANCELED, /* nobody waited for it any more */
	METRICS_CLASSES
};
enum metrics_process {
	METRICS_SUPERVISOR,
	METRICS_FRONT,
	METRICS_FETCH,
	METRICS_PROCESSES
};

#define METRICS_HISTOGRAM (METRICS_BUCKETS + 1)
#define METRICS_RESULTS   10 /* the codes of base/err.h, and "stale" */

/* Each name with the number of its slots. */
#define METRICS_SLOTS(X)                                                                           \
	X(REQUESTS, METRICS_CODES *METRICS_KINDS)                                                  \
	X(REQUEST_SECONDS, METRICS_KINDS *METRICS_HISTOGRAM)                                       \
	X(LOOKED_UP, METRICS_LOOKUPS *METRICS_KINDS)                                               \
	X(SENT_BYTES, 1)                                                                           \
	X(CANCELED, 1)                                                                             \
	X(BAD_HEADS, 1)                                                                            \
	X(CONNECTIONS, 1)                                                                          \
	X(ACCEPTED, 1)                                                                             \
	X(ACCEPT_PAUSES, METRICS_PAUSES)                                                           \
	X(REFUSED, METRICS_REFUSALS)                                                               \
	X(EVICTED, 1)                                                                              \
	X(LIMITED, 1)                                                                              \
	X(TIMED_OUT, METRICS_TIMEOUTS)                                                             \
	X(TLS_HANDSHAKES, METRICS_HANDSHAKES)                                                      \
	X(TLS_GREETING, METRICS_GREETINGS)                                                         \
	X(TLS_RELOADS, METRICS_RELOADS)                                                            \
	X(TLS_FLOODS, 1)                                                                           \
	X(SETTINGS_RELOADS, METRICS_RELOADS)                                                       \
	X(UPGRADED, METRICS_UPGRADES)                                                              \
	X(DRAINS, 1)                                                                               \
	X(DRAIN_CUT, 1)                                                                            \
	X(STREAMED, 1)                                                                             \
	X(STREAMS_CUT, 1)                                                                          \
	X(H2_CONNECTIONS, 1)                                                                       \
	X(H2_REQUESTS, 1)                                                                          \
	X(H2_RESETS, METRICS_RESET_KINDS)                                                          \
	X(H2_STALLED, 1)                                                                           \
	X(H2_GOAWAYS, 1)                                                                           \
	X(H2_FLOODS, METRICS_FLOODS)                                                               \
	X(OCSP_FETCHES, METRICS_OCSPS)                                                             \
	X(FLIGHTS, 1)                                                                              \
	X(FLIGHTS_ENDED, METRICS_RESULTS *METRICS_KINDS)                                           \
	X(FLIGHTS_JOINED, 1)                                                                       \
	X(FLIGHTS_AHEAD, 1)                                                                        \
	X(ORDERS, 1)                                                                               \
	X(UPSTREAM_SECONDS, METRICS_HISTOGRAM)                                                     \
	X(UPSTREAM_BYTES, 1)                                                                       \
	X(PROVED, METRICS_PROOFS)                                                                  \
	X(RETAGGED, 1)                                                                             \
	X(HOOKS, METRICS_HOOK_RESULTS)                                                             \
	X(STORE_FAULTS, 1)                                                                         \
	X(DAMAGED, 1)                                                                              \
	X(LANE_WAITING, METRICS_LANES)                                                             \
	X(LANE_THREADS, METRICS_LANES)                                                             \
	X(LANE_REFUSED, METRICS_LANES)                                                             \
	X(RESTARTS, METRICS_PROCESSES)                                                             \
	X(PROCESS_RSS, 1)                                                                          \
	X(PROCESS_VIRTUAL, 1)                                                                      \
	X(PROCESS_FDS, 1)                                                                          \
	X(PROCESS_FDS_MAX, 1)                                                                      \
	X(PROCESS_CPU_US, 1)                                                                       \
	X(PROCESS_START_S, 1)

enum metrics_slot {
#define METRICS_NUMBER(name, size)                                                                 \
	METRICS_##name, METRICS_##name##_LAST = METRICS_##name + (size)-1,
	METRICS_SLOTS(METRICS_NUMBER)
#undef METRICS_NUMBER
	METRICS_SLOT_COUNT
};

struct metrics_page {
	_Atomic uint64_t slot[METRICS_SLOT_COUNT];
} __attribute__((aligned(64)));

/* The calling thread's own page; NULL: it shares its process's. */
extern _Thread_local struct metrics_page *metrics_own_page;
void metrics_add_shared(unsigned slot, uint64_t n);

/* Gauges are added to as well: (uint64_t)-1 takes one off. */
static inline void metrics_add(unsigned slot, uint64_t n)
{
	struct metrics_page *page = metrics_own_page;

	if (page == NULL) {
		metrics_add_shared(slot, n);
		return;
	}
	const uint64_t was = atomic_load_explicit(&page->slot[slot], memory_order_relaxed);
	atomic_store_explicit(&page->slot[slot], was + n, memory_order_relaxed);
}
/* A gauge of the whole process. */
void metrics_set(unsigned slot, uint64_t v);
void metrics_observe(unsigned histogram, uint64_t us);
/* The upper bound of a bucket in microseconds; of the last: UINT64_MAX. */
uint64_t metrics_bound_us(unsigned bucket);
/* The index of an HTTP status among METRICS_CODES. */
unsigned metrics_code(int status);
int metrics_status(unsigned code); /* the other way; 0: any other */

/* Counts of one upstream. Made at its first use; names beyond the maximum share one. Any thread, the
 * fetch process only. */
void metrics_upstream(const char *host, enum metrics_class class);
void metrics_breaker(const char *host, bool open);

/* Shared memory for METRICS_FRONTS fronts of so many workers (at most METRICS_WORKERS_MAX): a descriptor to
 * be inherited, or -1 with errno. */
int metrics_create(unsigned workers);
/* Is it what metrics_create makes, here and now, for at least so many workers? That of another version may not
 * be: counts would be taken for others. */
bool metrics_fits(int fd, unsigned workers);
/* Maps it (the descriptor stays the caller's) and counts there from now on. Once, before there are
 * threads. False: it does not fit. */
bool metrics_attach(int fd, enum metrics_process process);
/* Gauges of an earlier process of our name begin anew: from now on we are that process. */
void metrics_begin(void);
/* This process is that front of METRICS_FRONTS; also when it has ended: nothing is open in it now. */
void metrics_begin_front(unsigned front);
/* From now on the calling thread is the one that writes the page of this worker of this front. */
void metrics_own(unsigned worker);

/* Reading: of all pages together, of one process, of an upstream (up to METRICS_HOSTS_MAX, which is all
 * others). Counts of other threads may be a moment old. */
uint64_t metrics_sum(unsigned slot);
uint64_t metrics_of(enum metrics_process process, unsigned slot);
struct metrics_host {
	char name[METRICS_HOST_NAME]; /* NUL-terminated; empty: none */
	uint64_t requests[METRICS_CLASSES];
	bool open;
};
void metrics_host(unsigned i, struct metrics_host *out);

#endif
