/* SPDX-License-Identifier: Apache-2.0 */
/* One look into the store for one target: opens, reads what is small, and checks the bytes against
 * their record before anybody may see them. Runs on the loop (may_block false: gives up rather than
 * wait for a disk) or on the fs lane. */
#ifndef SERVE_LOOK_H
#define SERVE_LOOK_H

#include "base/arena.h"
#include "base/err.h"
#include "http/reply.h"
#include "store/provenance.h"
#include "store/store.h"

/* Files up to this size are held in memory. Larger ones are sent from the file, which costs less CPU
 * than copying them does (docs/performance.md), and no memory for each client that reads slowly; they
 * are hashed on the lane. */
#define LOOK_SMALL (16u << 10)

enum look_result {
	LOOK_HIT,
	LOOK_MISS,
	LOOK_WOULD_BLOCK,
	LOOK_UNPROVEN, /* whole, but not proven by the checksum database yet */
	LOOK_DAMAGED,  /* stored bytes that fail their check: to be quarantined and fetched again */
	LOOK_FAULT,    /* the storage cannot say */
};

struct look {
	/* in */
	struct store *store;
	const struct target *target;
	const char *key;
	const char *prove; /* what is not on record as proven by the database with this key hash is
			    * LOOK_UNPROVEN; NULL: nothing is */
	bool lenient;      /* but for what is on record as "unasked" */
	bool settling; /* what may be on its way to the disk still is a LOOK_HIT, no LOOK_MISS */
	/* out */
	struct mg_buf bytes; /* small: the content */
	int fd;              /* large: open file, or -1 */
	uint64_t size;
	int64_t mtime_ns;
	uint8_t sha256[32];
	struct mg_err err; /* UNPROVEN, DAMAGED, FAULT */
};

/* prove concerns .mod and .zip only; it stays the caller's. */
void look_init(struct look *l, struct store *s, const struct target *t, const char *key,
	       const char *prove);
enum look_result look_run(struct look *l, bool may_block);
void look_deinit(struct look *l); /* closes and frees what look_reply did not take */
/* The answer for a hit; takes the fd over. Loop thread. max_age_s and stale (a Cache-Status detail,
 * RFC 9211, or empty) concern mutable targets. */
struct reply *look_reply(struct look *l, uint32_t max_age_s, struct mg_span stale);

#endif
