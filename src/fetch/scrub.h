/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the store right: every stored artifact is compared with its record and proven, what is damaged
 * is set aside, and got again where it can be. Blocks until all is seen. */
#ifndef FETCH_SCRUB_H
#define FETCH_SCRUB_H

#include "fetch/job.h"

enum scrub_finding {
	SCRUB_HEALED,     /* it was damaged, and the right bytes are there again */
	SCRUB_DAMAGED,    /* set aside; nothing stands in its place */
	SCRUB_UNREADABLE, /* it, its record or a folder cannot be read */
	SCRUB_FINDINGS
};

struct scrub_summary {
	uint64_t artifacts, bytes; /* looked at */
	uint64_t found[SCRUB_FINDINGS];
	uint64_t unproven;          /* as recorded, but the checksum database did not say more */
	struct mg_err unproven_why; /* of the first of them */
};

struct scrub_options {
	unsigned threads;  /* up to SCRUB_THREADS_MAX; 0: one a core */
	bool thorough;     /* storedcopy.h: everything is hashed and proven anew */
	bool repair;       /* what is damaged is got again */
	bool idle;         /* gives way to everybody: priorities, and no pages left in memory */
	bool count;        /* counts before it begins, so that progress has a total */
	const char *after; /* a key: goes on behind it; NULL: from the beginning */
	struct cancel *cancel;
	/* Both may be NULL; called by one thread at a time, any thread. key: with one thread, what was
	 * seen up to now. total is 0 when nobody counted. */
	void (*on_progress)(void *arg, uint64_t done, uint64_t total, uint64_t bytes,
			    const char *key);
	/* key: of the artifact, or of a folder. */
	void (*on_finding)(void *arg, enum scrub_finding what, const char *key, const char *why);
	void *arg;
};

#define SCRUB_THREADS_MAX 64

/* MG_CANCELED: *out says how far it came. Findings are no failure. */
MG_CHECK enum mg_code scrub_run(const struct job_means *m, const struct scrub_options *options,
				struct scrub_summary *out, struct mg_err *err);
const char *scrub_finding_name(enum scrub_finding what); /* "healed", "damaged", "unreadable" */

#endif
