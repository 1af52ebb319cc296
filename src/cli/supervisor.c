/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/supervisor_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/notify.h"
#include "cli/role.h"
#include "fetch/fetch.h"
#include "serve/front.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000
#define STEADY_MS        10000 /* a child that lived so long crashed for a new reason */

static void on_news(struct service *svc, char what, int *fds, size_t fd_count);
static void on_exit_of(struct service *svc, int status);

/* --- starting --- */

/* The two ends of each worker's channel: [0] front's, [1] fetch's. */
struct pairs {
	int ends[2][CHANNEL_FDS_MAX];
	unsigned n;
};

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static void pairs_close(struct pairs *p)
{
	close_all(p->ends[0], p->n);
	close_all(p->ends[1], p->n);
	p->n = 0;
}

static bool pairs_open(struct pairs *p, unsigned n)
{
	for (p->n = 0; p->n < n; p->n++) {
		int ends[2];
		if (channel_pair(ends) != 0) {
			pairs_close(p);
			return false;
		}
		p->ends[0][p->n] = ends[0];
		p->ends[1][p->n] = ends[1];
	}
	return true;
}

bool supervisor_connect_out(struct service *front, int ends[CHANNEL_FDS_MAX], unsigned *n)
{
	struct pairs p;

	if (!pairs_open(&p, front->workers)) {
		log_error("cannot connect front and fetch", LOG_S("error", strerror(errno)));
		return false;
	}
	service_tell(front, FRONT_CONTROL_CHANNELS, p.ends[0], p.n);
	close_all(p.ends[0], p.n);
	memcpy(ends, p.ends[1], p.n * sizeof *ends);
	*n = p.n;
	return true;
}

void supervisor_connect(struct service *front, struct service *fetch)
{
	int ends[CHANNEL_FDS_MAX];
	unsigned n;

	if (!supervisor_connect_out(front, ends, &n)) return;
	service_tell(fetch, FETCH_CONTROL_CHANNELS, ends, n);
	close_all(ends, n);
}

struct service *supervisor_spawn_fetch(struct supervisor *sv, const struct plan *p)
{
	const char *const argv[] = { "modgate", "fetch", NULL };

	return service_start(sv->loop, &(struct service_spec){ .name = "fetch",
							       .argv = argv,
							       .settings_fd = p->fetch_fd,
							       .extra_fd = -1,
							       .metrics_fd = sv->metrics_fd,
							       .on_news = on_news,
							       .on_exit = on_exit_of,
							       .owner = sv });
}

static const char role_listen[] = {
	[LISTENER_PLAIN] = ROLE_LISTEN_PLAIN,
	[LISTENER_H2C] = ROLE_LISTEN_H2C,
	[LISTENER_TLS] = ROLE_LISTEN_TLS,
};

_Static_assert(METRICS_FRONTS <= 64, "a bit each");

uint64_t supervisor_places(struct supervisor *sv)
{
	uint64_t taken = sv->inherit.channel != NULL ? sv->inherit.places : 0;

	if (sv->front != NULL) taken |= 1ull << sv->front->place;
	if (sv->reload.front != NULL) taken |= 1ull << sv->reload.front->place;
	LIST_EACH(it, &sv->old_fronts)
	{
		taken |= 1ull << LIST_OWNER(it, struct service, node)->place;
	}
	return taken;
}

void supervisor_forget_places(struct supervisor *sv)
{
	const uint64_t taken = supervisor_places(sv);

	for (unsigned i = 0; i < METRICS_FRONTS; i++)
		if ((taken >> i & 1) == 0) metrics_begin_front(i);
}

static unsigned free_place(struct supervisor *sv)
{
	const uint64_t taken = supervisor_places(sv);

	for (unsigned i = 0; i < METRICS_FRONTS; i++)
		if ((taken >> i & 1) == 0) return i;
	check_fail(__FILE__, __LINE__, "there are no more fronts than places");
}

struct service *supervisor_spawn_front(struct supervisor *sv, const struct plan *p,
				       struct service *fetch)
{
	const unsigned place_number = free_place(sv);
	char listening[SOCKETS_MAX + 1] = "", workers[16], place[16];
	struct pairs pairs;

	for (size_t i = 0; i < p->sockets.n; i++)
		listening[i] = role_listen[p->sockets.one[i].kind];
	if (settings_metrics_apart(&p->draft.settings))
		listening[p->sockets.n - 1] = ROLE_LISTEN_METRICS;
	snprintf(workers, sizeof workers, "%u", p->workers);
	snprintf(place, sizeof place, "%u", place_number);
	const char *const argv[] = {
		"modgate", "front", listening, workers, p->tls.bundle_fd >= 0 ? "1" : "0",
		place,     NULL
	};
	if (!pairs_open(&pairs, p->workers)) return NULL;
	struct service *svc =
		service_start(sv->loop, &(struct service_spec){ .name = "front",
								.argv = argv,
								.settings_fd = p->front_fd,
								.metrics_fd = sv->metrics_fd,
								.sockets = &p->sockets,
								.ends = pairs.ends[0],
								.ends_n = pairs.n,
								.extra_fd = p->tls.bundle_fd,
								.on_news = on_news,
								.on_exit = on_exit_of,
								.owner = sv });
	const int why = errno;
	if (svc != NULL) svc->place = place_number;
	if (svc != NULL && fetch != NULL)
		service_tell(fetch, FETCH_CONTROL_CHANNELS, pairs.ends[1], pairs.n);
	pairs_close(&pairs);
	errno = why;
	return svc;
}

/* A restart waits only when the last one did not help: not at all, then 100 ms doubling to 5 s. */
static void restart_later(struct supervisor_care *care, uint64_t lived_ms)
{
	metrics_add(METRICS_RESTARTS + care->process, 1);
	const uint64_t wait = lived_ms >= STEADY_MS ? 0 : care->backoff_ms;

	care->backoff_ms = wait == 0 ? BACKOFF_FIRST_MS : wait * 2;
	if (care->backoff_ms > BACKOFF_MAX_MS) care->backoff_ms = BACKOFF_MAX_MS;
	care->pausing = true;
	loop_timer_start(care->restart, wait, 0);
}

static void start_failed(struct supervisor_care *care, const char *name)
{
	log_error("cannot start a process", LOG_S("process", name),
		  LOG_S("error", strerror(errno)));
	restart_later(care, 0);
}

static void start_front(struct supervisor *sv)
{
	sv->front_care.pausing = false;
	sv->front = supervisor_spawn_front(sv, sv->plan, sv->fetch);
	if (sv->front == NULL) start_failed(&sv->front_care, "front");
}

/* Of which certificates it is to get OCSP answers. */
static void tell_asked(struct supervisor *sv)
{
	const struct plan *p = sv->plan;
	const bool any = p->tls.asked_fd >= 0 && !p->draft.settings.offline;

	service_tell(sv->fetch, FETCH_CONTROL_CERTIFICATES, &p->tls.asked_fd, any ? 1 : 0);
}

void supervisor_let_fetch_go(struct supervisor *sv)
{
	if (sv->fetch == NULL || sv->fetch->told_to_go || sv->old_fetch != NULL ||
	    sv->inherit.waits)
		return;
	sv->fetch->told_to_go = true;
	sv->fetch->since_ms = loop_now_ms(sv->loop);
	service_tell(sv->fetch, FETCH_CONTROL_GO, &sv->lock, sv->lock >= 0 ? 1 : 0);
	tell_asked(sv);
}

void supervisor_start_fetch(struct supervisor *sv)
{
	sv->fetch_care.pausing = false;
	sv->fetch = supervisor_spawn_fetch(sv, sv->plan);
	if (sv->fetch == NULL) {
		start_failed(&sv->fetch_care, "fetch");
		return;
	}
	if (sv->front != NULL) supervisor_connect(sv->front, sv->fetch);
	LIST_EACH(it, &sv->old_fronts)
	{
		supervisor_connect(LIST_OWNER(it, struct service, node), sv->fetch);
	}
	supervisor_let_fetch_go(sv);
}

static void on_restart_front(void *arg)
{
	start_front(arg);
}

static void on_restart_fetch(void *arg)
{
	supervisor_start_fetch(arg);
}

/* A command of the operator's. */
static void on_line(void *arg, struct mg_span line)
{
	struct supervisor *sv = arg;

	if (span_eq(line, SPAN("reload")) && !sv->ending) {
		sv->reload.ask = true;
		supervisor_reload(sv);
	} else if (span_eq(line, SPAN("upgrade"))) {
		supervisor_upgrade(sv);
	} else {
		steering_answer(sv->steering, false,
				sv->ending ? "the server is ending"
					   : "this server's version knows no such command");
	}
}

static void start_steering(struct supervisor *sv)
{
	struct mg_err err;

	sv->steering = steering_new(sv->loop, sv->plan->draft.settings.store, on_line, sv, &err);
	if (sv->steering == NULL)
		log_warn("`modgate reload` and `modgate upgrade` cannot reach this server",
			 LOG_S("error", err.text));
}

static void tell_ready(struct supervisor *sv)
{
	const bool alone = sv->inherit.channel == NULL;

	sv->told_ready = true;
	start_steering(sv);
	supervisor_inherit_ready(sv);
	if (alone) {
		fputs(sv->options->ready_text, stdout);
		fflush(stdout);
		notify_send("READY=1\nSTATUS=Serving");
	}
	supervisor_next(sv);
}

static void on_news(struct service *svc, char what, int *fds, size_t fd_count)
{
	struct supervisor *sv = svc->owner;

	if (what == ROLE_TELL_READY) svc->ready = true;
	if (what == ROLE_TELL_READY && fd_count > 0 && sv->lock < 0) {
		sv->lock = fds[0];
		fds[0] = -1;
	}
	if (what == ROLE_TELL_DEAF && svc == sv->leaving) supervisor_gave_way(sv);
	if (sv->ending) return;
	if (what == ROLE_TELL_STANDING && svc == sv->fetch) supervisor_inherit_prepared(sv);
	if (what == ROLE_TELL_READY && svc == sv->fetch && sv->front == NULL &&
	    !sv->front_care.pausing)
		start_front(sv); /* it reads the store, which fetch may have had to make first */
	else if (what == ROLE_TELL_READY && svc == sv->front && !sv->told_ready)
		tell_ready(sv);
	supervisor_reload_news(sv, svc, what);
	if (what == ROLE_TELL_READY && svc == sv->fetch) supervisor_next(sv);
}

/* --- when one ends --- */

void supervisor_log_exit(const struct service *svc, int status)
{
	if (WIFSIGNALED(status))
		log_error("a process died", LOG_S("process", svc->name),
			  LOG_I("signal", WTERMSIG(status)));
	else
		log_error("a process ended", LOG_S("process", svc->name),
			  LOG_I("exit_code", WEXITSTATUS(status)));
}

/* Once it has worked it may work again: disks and mounts come back. */
static bool hopeless(const struct supervisor *sv, const struct service *svc, int status)
{
	if (sv->told_ready) return false;
	return svc->mute || (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_HOPELESS);
}

/* True: whoever has just ended will not be missed any more, for nothing goes on. */
static bool gives_up(struct supervisor *sv, const struct service *svc, int status)
{
	if (sv->inherit.channel != NULL && !sv->told_ready)
		supervisor_inherit_failed(sv, svc->name);
	else if (hopeless(sv, svc, status))
		supervisor_end_now(sv, 1);
	else
		return false;
	return true;
}

static void on_fetch_exit(struct supervisor *sv, struct service *svc, int status)
{
	struct service **place = svc == sv->fetch ? &sv->fetch : &sv->old_fetch;
	const bool crashed = place == &sv->fetch && !sv->ending;
	const bool expected =
		place == &sv->old_fetch || (sv->ending && !supervisor_fronts_left(sv));
	const uint64_t lived_ms = loop_now_ms(sv->loop) - svc->since_ms;

	if (!expected || (status != 0 && sv->told_ready)) supervisor_log_exit(svc, status);
	*place = NULL;
	if (sv->ending && !supervisor_fronts_left(sv)) {
		if (sv->fetch == NULL && sv->old_fetch == NULL) loop_stop(sv->loop);
	} else if (crashed && !gives_up(sv, svc, status)) {
		restart_later(&sv->fetch_care, lived_ms);
	}
	service_free(&svc);
	supervisor_let_fetch_go(sv);
	supervisor_upgrade_fetch_gone(sv);
	supervisor_next(sv);
}

static void on_front_exit(struct supervisor *sv, struct service *svc, int status)
{
	const uint64_t lived_ms = loop_now_ms(sv->loop) - svc->since_ms;
	const bool crashed = svc == sv->front && !sv->ending;
	const bool leaving = svc == sv->leaving;

	if (crashed || status != 0) supervisor_log_exit(svc, status);
	if (svc == sv->front) sv->front = NULL;
	metrics_begin_front(svc->place); /* it may have died with its connections open */
	list_remove(&svc->node);
	if (crashed && !gives_up(sv, svc, status)) restart_later(&sv->front_care, lived_ms);
	service_free(&svc);
	if (leaving) supervisor_gave_way(sv);
	supervisor_one_less(sv);
	supervisor_next(sv);
}

static void on_exit_of(struct service *svc, int status)
{
	struct supervisor *sv = svc->owner;

	if (supervisor_reload_exit(sv, svc, status)) return;
	if (svc == sv->fetch || svc == sv->old_fetch)
		on_fetch_exit(sv, svc, status);
	else
		on_front_exit(sv, svc, status);
}

static void on_hangup(void *arg)
{
	supervisor_reload(arg);
}

/* files are taken over. */
static void give_certificates(struct plan *p, struct service *front, const struct tlsfiles *files)
{
	tlsfiles_close(&p->tls);
	p->tls = *files;
	if (front != NULL) service_tell(front, FRONT_CONTROL_TLS, &p->tls.bundle_fd, 1);
}

static void on_certificates(void *arg, const struct tlsfiles *files)
{
	struct supervisor *sv = arg;
	struct supervisor_reload *r = &sv->reload;
	struct tlsfiles copy;
	struct mg_err err;

	if (r->plan != NULL && r->plan->same_tls && tlsfiles_copy(files, &copy, &err) == MG_OK)
		give_certificates(r->plan, r->front, &copy);
	give_certificates(sv->plan, sv->front, files);
	if (sv->fetch != NULL && sv->fetch->told_to_go) tell_asked(sv);
}

void supervisor_watch_certificates(struct supervisor *sv, const struct plan *p)
{
	if (p->same_tls && sv->tls != NULL) {
		tlswatch_look_at(sv->tls, &p->draft.settings);
		return;
	}
	tlswatch_free(&sv->tls);
	if (p->tls.bundle_fd >= 0)
		sv->tls = tlswatch_new(sv->loop, &p->draft.settings, p->tls_stamp, on_certificates,
				       sv);
}

/* --- life --- */

/* Whoever tells an ending process to end must not change its exit code. */
static void ignore_wishes(void)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void init(struct supervisor *sv, const struct supervisor_options *options)
{
	*sv = (struct supervisor){
		.options = options, .plan = options->plan, .loop = loop_new(), .lock = -1
	};
	list_init(&sv->old_fronts);
	supervisor_inherit_begin(sv);
	_Static_assert(CHANNEL_FDS_MAX <= METRICS_WORKERS_MAX, "a page each");
	sv->metrics_fd = supervisor_inherit_metrics(sv);
	if (sv->metrics_fd < 0) sv->metrics_fd = metrics_create(sv->plan->workers);
	if (sv->metrics_fd >= 0 && !metrics_attach(sv->metrics_fd, METRICS_SUPERVISOR))
		log_warn("no metrics", LOG_S("process", "supervisor"));
	sv->front_care.process = METRICS_FRONT;
	sv->fetch_care.process = METRICS_FETCH;
	sv->front_care.restart = loop_timer_new(sv->loop, on_restart_front, sv);
	sv->fetch_care.restart = loop_timer_new(sv->loop, on_restart_fetch, sv);
	sv->delay = loop_timer_new(sv->loop, supervisor_on_delay, sv);
	sv->deadline = loop_timer_new(sv->loop, supervisor_on_deadline, sv);
	sv->pulse = loop_timer_new(sv->loop, supervisor_on_pulse, sv);
	loop_timer_start(sv->pulse, supervisor_pulse_ms(), supervisor_pulse_ms());
	supervisor_watch_certificates(sv, sv->plan);
	loop_on_signal(sv->loop, SIGTERM, supervisor_on_terminate, sv);
	loop_on_signal(sv->loop, SIGINT, supervisor_on_terminate, sv);
	loop_on_signal(sv->loop, SIGHUP, on_hangup, sv);
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor sv;

	init(&sv, options);
	if (sv.metrics_fd >= 0) {
		supervisor_start_fetch(&sv);
		loop_run(sv.loop);
	} else {
		log_error("cannot start the processes", LOG_S("error", strerror(errno)));
		sv.exit_code = 1;
	}
	log_info("ended", LOG_I("exit_code", sv.exit_code));
	ignore_wishes();
	supervisor_reload_abort(&sv);
	supervisor_upgrade_abort(&sv);
	steering_free(&sv.steering);
	supervisor_free_fronts(&sv);
	service_free(&sv.fetch);
	service_free(&sv.old_fetch);
	tlswatch_free(&sv.tls);
	plan_discard(&sv.plan, sv.told_ready ? NULL : &options->left->open);
	child_leave(&sv.upgrade.heir);
	channel_free(&sv.upgrade.channel);
	if (sv.lock >= 0) close(sv.lock);
	if (sv.metrics_fd >= 0) close(sv.metrics_fd);
	loop_timer_free(&sv.front_care.restart);
	loop_timer_free(&sv.fetch_care.restart);
	loop_timer_free(&sv.reload.deadline);
	loop_timer_free(&sv.upgrade.deadline);
	loop_timer_free(&sv.delay);
	loop_timer_free(&sv.deadline);
	loop_timer_free(&sv.pulse);
	loop_free(&sv.loop);
	return sv.exit_code;
}
