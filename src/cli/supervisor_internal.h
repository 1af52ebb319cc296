/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of the supervisor, for its files: supervisor.c (start, crash, end) and reload.c. */
#ifndef CLI_SUPERVISOR_INTERNAL_H
#define CLI_SUPERVISOR_INTERNAL_H

#include "cli/service.h"
#include "cli/supervisor.h"
#include "cli/tlswatch.h"
#include "record/metrics.h"

/* When a crashed process is started again. */
struct supervisor_care {
	struct loop_timer *restart;
	enum metrics_process process;
	uint64_t backoff_ms; /* waited before the last start */
	bool pausing;        /* until restart fires */
};

/* A plan that is not in force yet, and its processes. */
struct supervisor_reload {
	struct plan *plan; /* NULL: none is under way */
	struct service *fetch, *front;
	struct loop_timer *deadline;
	uint64_t begun_ms;
	bool stands;             /* its processes are ready to take over */
	bool again;              /* asked for meanwhile */
	bool finishing;          /* in force, but its fetch does not work yet, or there is: */
	struct service *leaving; /* the front before it, which may still accept */
	unsigned number;         /* of those that came into force */
};

struct supervisor {
	const struct supervisor_options *options;
	struct plan *plan;
	struct loop *loop;
	struct service *front;  /* accepts; NULL: none does */
	struct list old_fronts; /* finish their answers, the oldest first */
	struct service *fetch;  /* orders go to it; NULL: none is there */
	struct service
		*old_fetch; /* finishes its flights; the other must not begin before its end */
	struct supervisor_care front_care, fetch_care;
	struct supervisor_reload reload;
	int lock; /* the store's; -1: fetch has not told it yet */
	struct loop_timer *delay, *deadline, *pulse;
	int metrics_fd;       /* what all processes count in */
	struct tlswatch *tls; /* of the plan's certificates; NULL: no TLS */
	bool told_ready;
	bool ending;
	uint64_t told_to_end_ms;
	int exit_code;
};

/* New processes of a plan; NULL with errno. The front's orders go to fetch, if it is not NULL. */
struct service *supervisor_spawn_fetch(struct supervisor *sv, const struct plan *p);
struct service *supervisor_spawn_front(struct supervisor *sv, const struct plan *p,
				       struct service *fetch);
/* The front's orders go to that fetch from now on. */
void supervisor_connect(struct service *front, struct service *fetch);
/* Lets fetch begin if nobody else works on the store. */
void supervisor_let_fetch_go(struct supervisor *sv);
/* That plan's certificates are looked at from now on. */
void supervisor_watch_certificates(struct supervisor *sv, const struct plan *p);
void supervisor_log_exit(const struct service *svc, int status);

/* --- reload.c --- */

/* Each is called when it has happened; does nothing if no reload is concerned. */
void supervisor_reload_news(struct supervisor *sv, struct service *svc, char what);
/* One of the processes of a reload has ended (true), or of those before it. */
bool supervisor_reload_exit(struct supervisor *sv, struct service *svc, int status);
/* Goes on with what had to wait. */
void supervisor_reload_next(struct supervisor *sv);
/* Ends one that is not in force yet. */
void supervisor_reload_abort(struct supervisor *sv);

#endif
