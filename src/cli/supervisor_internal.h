/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of the supervisor, for its files: supervisor.c (start, news, crash), ending.c, pulse.c,
 * replace.c with reload.c and upgrade.c, and inherit.c. */
#ifndef CLI_SUPERVISOR_INTERNAL_H
#define CLI_SUPERVISOR_INTERNAL_H

#include "cli/service.h"
#include "cli/steering.h"
#include "cli/supervisor.h"
#include "cli/tlswatch.h"
#include "record/metrics.h"

/* How many of one supervisor may live at a time. */
#define SUPERVISOR_FRONTS_MAX 10

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
	struct mg_buf changed; /* names of the settings that did */
	bool stands;           /* its processes are ready to take over */
	bool finishing;        /* in force, but the old ones have not given way yet */
	bool again;            /* asked for meanwhile, */
	bool ask;              /* by a command that waits for the answer; */
	bool asked;            /* so was the one that is under way */
	unsigned number;       /* of those that came into force */
};

/* We as the old one of cli/handover.h. */
struct supervisor_upgrade {
	bool again; /* asked for */
	enum {
		UPGRADE_NONE,
		UPGRADE_STARTED,
		UPGRADE_PREPARED,
		UPGRADE_GIVEN
	} stage;
	struct child *heir; /* until the end, also when it serves */
	struct channel *channel;
	struct loop_timer *deadline;
	uint64_t begun_ms;
	char reason[512]; /* why the heir failed, if it said so */
};

/* We as the new one. */
struct supervisor_inherit {
	struct channel *channel; /* NULL: there is no old one, or not any more */
	bool waits;              /* the store is not ours yet */
	uint64_t places;         /* of our metrics that its fronts count in, a bit each */
};

struct supervisor {
	const struct supervisor_options *options;
	struct plan *plan;
	struct loop *loop;
	struct service *front;   /* accepts; NULL: none does */
	struct list old_fronts;  /* finish their answers, the oldest first */
	struct service *leaving; /* the last of them, while it may still accept */
	struct service *fetch;   /* orders go to it; NULL: none is there */
	struct service
		*old_fetch; /* finishes its flights; the other must not begin before its end */
	struct supervisor_care front_care, fetch_care;
	struct supervisor_reload reload;
	struct supervisor_upgrade upgrade;
	struct supervisor_inherit inherit;
	struct steering *steering; /* NULL: not ready yet, or there can be none */
	int lock;                  /* the store's; -1: fetch has not told it yet */
	struct loop_timer *delay, *deadline, *pulse;
	int metrics_fd;       /* what all processes count in */
	struct tlswatch *tls; /* of the plan's certificates; NULL: no TLS */
	bool told_ready;
	bool ending;
	bool left;               /* ending, because another supervisor serves */
	uint64_t told_to_end_ms; /* 0: not yet */
	int exit_code;
};

/* --- supervisor.c --- */

/* New processes of a plan; NULL with errno. The front's orders go to fetch, if it is not NULL. */
struct service *supervisor_spawn_fetch(struct supervisor *sv, const struct plan *p);
struct service *supervisor_spawn_front(struct supervisor *sv, const struct plan *p,
				       struct service *fetch);
/* In the place of the one that is not there; later, if it cannot be started now. */
void supervisor_start_fetch(struct supervisor *sv);
/* The front's orders go to that fetch from now on; what it does not know yet waits in the channels. */
void supervisor_connect(struct service *front, struct service *fetch);
/* Channels for the front's orders: *n other ends, the caller's. False: there are none. */
bool supervisor_connect_out(struct service *front, int ends[CHANNEL_FDS_MAX], unsigned *n);
/* Lets fetch begin if nobody else works on the store. */
void supervisor_let_fetch_go(struct supervisor *sv);
/* That plan's certificates are looked at from now on. */
void supervisor_watch_certificates(struct supervisor *sv, const struct plan *p);
/* Each front counts in a place of its own (a bit each), for the old ones are still counting. */
uint64_t supervisor_places(struct supervisor *sv);
/* What was open in a front that is gone is open no more: for places in which nobody counts. */
void supervisor_forget_places(struct supervisor *sv);
void supervisor_log_exit(const struct service *svc, int status);

/* --- ending.c --- */

void supervisor_on_terminate(void *sv);
/* Lets those finish who answer, within drain.timeout, and ends. */
void supervisor_drain(struct supervisor *sv);
void supervisor_on_deadline(void *sv); /* of a drain */
void supervisor_on_delay(void *sv);    /* before one */
void supervisor_end_now(struct supervisor *sv, int exit_code);
/* Is anybody left who answers? An old supervisor of ours may. */
bool supervisor_fronts_left(struct supervisor *sv);
void supervisor_free_fronts(struct supervisor *sv);
/* Called when one of these has gone: ends with the last of them. */
void supervisor_one_less(struct supervisor *sv);

/* --- pulse.c --- */

void supervisor_on_pulse(void *sv);
uint64_t supervisor_pulse_ms(void);

/* --- replace.c --- */

/* The front accepts no more, but is given an hour to finish. */
void supervisor_retire_front(struct supervisor *sv);
/* Fetch finishes what it can in a short time and ends. */
void supervisor_retire_fetch(struct supervisor *sv);
/* Kills who should have given way by now. */
void supervisor_kill_late(struct supervisor *sv);
/* Neither is started again until somebody says so. */
void supervisor_stop_care(struct supervisor_care *care);
/* Begins what was asked for, as soon as nothing else is under way. */
void supervisor_next(struct supervisor *sv);
/* The leaving front accepts no more, or has ended. */
void supervisor_gave_way(struct supervisor *sv);

/* --- reload.c --- */

void supervisor_reload_begin(struct supervisor *sv);
void supervisor_reload_come_into_force(struct supervisor *sv);
/* Ends with an answer if the old ones have given way and the new fetch works. */
void supervisor_reload_finish(struct supervisor *sv);
/* Each is called when it has happened; does nothing if no reload is concerned. */
void supervisor_reload_news(struct supervisor *sv, struct service *svc, char what);
/* True: it was a process of a reload that has ended. */
bool supervisor_reload_exit(struct supervisor *sv, struct service *svc, int status);
/* Ends one that is not in force yet. */
void supervisor_reload_abort(struct supervisor *sv);

/* --- upgrade.c --- */

void supervisor_upgrade(struct supervisor *sv);
void supervisor_upgrade_begin(struct supervisor *sv);
/* The old fetch has ended. */
void supervisor_upgrade_fetch_gone(struct supervisor *sv);
/* The old front has given way. */
void supervisor_upgrade_finish(struct supervisor *sv);
/* Ends one that is not in force yet. */
void supervisor_upgrade_abort(struct supervisor *sv);

/* --- inherit.c --- */

void supervisor_inherit_begin(struct supervisor *sv);
/* What the old one counts in, ours from now on; -1: we cannot, or there is no old one. */
int supervisor_inherit_metrics(struct supervisor *sv);
/* Our fetch stands; our front accepts; a process of ours has ended before that. */
void supervisor_inherit_prepared(struct supervisor *sv);
void supervisor_inherit_ready(struct supervisor *sv);
void supervisor_inherit_failed(struct supervisor *sv, const char *process);
/* Tells the old one to end too. */
void supervisor_inherit_end(struct supervisor *sv);

#endif
