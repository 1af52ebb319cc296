/* SPDX-License-Identifier: Apache-2.0 */
/* One thing to be got, as the lane thread sees it: what is asked for, with what means, and what came
 * of it. Internal to fetch. */
#ifndef FETCH_JOB_H
#define FETCH_JOB_H

#include "fetch/fetch.h"
#include "fetch/ticket.h"
#include "loop/cancel.h"

struct ahead_purse;
struct database;
struct direct;
struct feed_line;

/* What every job may use; read-only, any thread. */
struct job_means {
	const struct fetch_options *options;
	struct proxylist origins;
	struct store *store;
	struct upstream *upstream;
	struct negative *negative;
	struct direct *direct;     /* repositories (fetch/direct.h); NULL: none is read */
	struct database *database; /* the checksum database; NULL: none */
	struct database *also[FETCH_SUMDB_ALSO_MAX]; /* others that are answered for */
	size_t also_n;
	struct refresh_queue *refresher; /* NULL where direct is */
	/* Something stored was damaged, or is trusted no more, and is set aside, or it is out of date: who
	 * holds its bytes must let go of them. Any thread; may be NULL. */
	void (*on_damage)(void *arg);
	void *on_damage_arg;
};

/* Everything else stays the caller's; the lists live in the arena. MG_INVALID: the list of upstreams or
 * the checksum database is malformed. */
MG_CHECK enum mg_code job_means_open(struct job_means *m, const struct fetch_options *options,
				     struct store *store, struct upstream *upstream,
				     struct negative *negative, struct arena *a,
				     struct mg_err *err);
void job_means_close(struct job_means *m);

struct job {
	const struct job_means *means;
	struct arena *arena; /* lives until the job's result has been told */
	struct target target;
	/* GO_GET: the URL path; SUMDB: the path below the database's URL, of others than the first
	 * behind "@NAME/"; HOOK: its kind */
	struct mg_span name;
	struct mg_span signature; /* HOOK */
	int hook_fd;              /* HOOK: its body, which the owner closes */
	struct mg_span via;       /* whom the question passed through before us */
	uint32_t flags;
	struct cancel *cancel;
	_Atomic bool guess;         /* nobody has asked: it is got ahead */
	struct ahead_purse *purse;  /* what pays for a guess */
	_Atomic unsigned *requests; /* counts the upstream requests that it costs */
	struct feed_line *feed; /* where a large zip may be followed as it comes; NULL: nowhere */
	/* result */
	enum mg_code code;
	struct mg_err err;
	bool stale;
	uint32_t ttl_ms;
	struct mg_buf body; /* GO_GET, SUMDB, HOOK */
	/* What may be asked next, now that this was got from an origin. */
	struct target *next; /* in the arena */
	size_t nexts;
	bool next_pruned;
};

/* Does the whole job; sets the result. Blocks; lane thread. */
void job_run(struct job *j);
/* What came of it, one line. */
void job_log(const struct job *j, uint64_t started_ms);
void job_count(const struct job *j); /* the same in the metrics */

#endif
