/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/notify.h"
#include "cli/role.h"
#include "cli/tlswatch.h"
#include "fetch/fetch.h"
#include "loop/channel.h"
#include "loop/child.h"
#include "record/metrics.h"
#include "serve/front.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   5000
#define STEADY_MS        10000 /* a child that lived so long crashed for a new reason */
#define GRACE_MS         5000  /* for ending, beyond what was asked for */
#define PULSE_MS         5000  /* between pings */
#define PATIENCE_MS      30000 /* how long one may be unanswered */
#define ONE_WISH_MS      500   /* timeout(1) and others signal the process, then its group */

/* One child and its bad days. */
struct service {
	const char *name;
	struct child *child; /* NULL: not running */
	struct loop_timer *restart;
	uint64_t started_ms;
	uint64_t backoff_ms; /* waited before the last start */
	uint64_t asked_ms;   /* when it was pinged; 0: it has answered */
	int settings_fd;
	struct channel *control;
	bool pausing; /* until restart fires */
	bool ready;   /* it said that it does its work */
	struct supervisor *sv;
};

/* The two ends of each worker's channel: [0] front's, [1] fetch's. */
struct pairs {
	int ends[2][CHANNEL_FDS_MAX];
	unsigned n;
};

struct supervisor {
	const struct supervisor_options *options;
	struct loop *loop;
	struct service front, fetch;
	struct loop_timer *delay, *deadline, *pulse;
	int metrics_fd;       /* what all processes count in */
	struct tlswatch *tls; /* NULL: no TLS */
	int tls_fd;           /* what front was given last, for the next; -1: none */
	struct pairs
		waiting; /* front's first channels, until fetch has opened (or made) the store */
	unsigned workers;
	bool told_ready;
	bool ending;
	uint64_t told_to_end_ms;
	int exit_code;
};

static void on_ready(struct service *svc);
static void stop_fetch(struct supervisor *sv);

/* --- making what a child is given --- */

static int settings_memfd(const struct settings *s, bool with_secrets)
{
	struct mg_buf text = BUF_MAX(1u << 20);
	int fd = memfd_create("settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	settings_encode(s, with_secrets, &text);
	MG_ASSERT(!buf_failed(&text));
	if (fd >= 0 && (write(fd, text.p, text.n) != (ssize_t)text.n ||
			fcntl(fd, F_ADD_SEALS,
			      F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)) {
		close(fd);
		fd = -1;
	}
	buf_deinit(&text);
	return fd;
}

static void pairs_close(struct pairs *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		close(p->ends[0][i]);
		close(p->ends[1][i]);
	}
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

/* --- starting --- */

static void on_control_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct service *svc = arg;

	if (message.p[0] == ROLE_TELL_ALIVE)
		svc->asked_ms = 0;
	else if (!svc->ready)
		on_ready(svc);
}

static void on_control_closed(void *arg)
{
	struct service *svc = arg;
	channel_free(&svc->control);
}

/* sockets (may be NULL) and ends: descriptors from ROLE_FD_FIRST on, in this order. */
static bool spawn(struct supervisor *sv, struct service *svc, const char *const *argv,
		  child_exit_fn *on_exit, const struct sockets *sockets, const int *ends,
		  size_t ends_n)
{
	struct child_fd fds[4 + SOCKETS_MAX + CHANNEL_FDS_MAX];
	int control[2];
	size_t n = 0;
	int to = ROLE_FD_FIRST;

	if (channel_pair(control) != 0) return false;
	fds[n++] = (struct child_fd){ svc->settings_fd, ROLE_FD_SETTINGS };
	fds[n++] = (struct child_fd){ control[1], ROLE_FD_CONTROL };
	fds[n++] = (struct child_fd){ sv->metrics_fd, ROLE_FD_METRICS };
	for (size_t i = 0; sockets != NULL && i < sockets->n; i++)
		fds[n++] = (struct child_fd){ sockets->one[i].fd, to++ };
	for (size_t i = 0; i < ends_n; i++)
		fds[n++] = (struct child_fd){ ends[i], to++ };
	svc->child = child_spawn(sv->loop,
				 &(struct child_spec){ .argv = argv, .fds = fds, .fd_count = n },
				 on_exit, sv);
	close(control[1]);
	if (svc->child == NULL) {
		close(control[0]);
		return false;
	}
	channel_free(&svc->control);
	svc->control =
		channel_new(sv->loop, control[0], on_control_message, on_control_closed, svc);
	svc->started_ms = loop_now_ms(sv->loop);
	svc->ready = false;
	svc->asked_ms = 0;
	log_debug("started a process", LOG_S("process", svc->name),
		  LOG_I("child", child_pid(svc->child)));
	return true;
}

static void on_front_exit(void *arg, int status);
static void on_fetch_exit(void *arg, int status);

static bool spawn_fetch(struct supervisor *sv, const struct pairs *p)
{
	char workers[16];
	snprintf(workers, sizeof workers, "%u", sv->workers);
	const char *const argv[] = { "modgate", "fetch", workers, NULL };
	return spawn(sv, &sv->fetch, argv, on_fetch_exit, NULL, p->ends[1], p->n);
}

static const char role_listen[] = {
	[LISTENER_PLAIN] = ROLE_LISTEN_PLAIN,
	[LISTENER_H2C] = ROLE_LISTEN_H2C,
	[LISTENER_TLS] = ROLE_LISTEN_TLS,
};

static bool spawn_front(struct supervisor *sv, const struct pairs *p)
{
	const struct sockets *sockets = sv->options->sockets;
	char listening[SOCKETS_MAX + 1] = "", workers[16];
	int ends[CHANNEL_FDS_MAX + 1];
	size_t n = p->n;
	for (size_t i = 0; i < sockets->n; i++)
		listening[i] = role_listen[sockets->one[i].kind];
	if (settings_metrics_apart(sv->options->settings))
		listening[sockets->n - 1] = ROLE_LISTEN_METRICS;
	snprintf(workers, sizeof workers, "%u", sv->workers);
	const char *const argv[] = {
		"modgate", "front", listening, workers, sv->tls_fd >= 0 ? "1" : "0", NULL
	};
	memcpy(ends, p->ends[0], n * sizeof ends[0]);
	if (sv->tls_fd >= 0) ends[n++] = sv->tls_fd;
	return spawn(sv, &sv->front, argv, on_front_exit, sockets, ends, n);
}

/* A restart waits only when the last one did not help: not at all, then 100 ms doubling to 5 s. */
static void restart_later(struct supervisor *sv, struct service *svc)
{
	metrics_add(METRICS_RESTARTS + (svc == &sv->front ? METRICS_FRONT : METRICS_FETCH), 1);
	bool steady = loop_now_ms(sv->loop) - svc->started_ms >= STEADY_MS;
	uint64_t wait = steady ? 0 : svc->backoff_ms;

	svc->backoff_ms = wait == 0 ? BACKOFF_FIRST_MS : wait * 2;
	if (svc->backoff_ms > BACKOFF_MAX_MS) svc->backoff_ms = BACKOFF_MAX_MS;
	svc->pausing = true;
	loop_timer_start(svc->restart, wait, 0);
}

/* Front reads the store, which fetch may have to make first: it is started when fetch is ready. */
static bool start_both(struct supervisor *sv)
{
	pairs_close(&sv->waiting);
	if (!pairs_open(&sv->waiting, sv->workers)) return false;
	if (spawn_fetch(sv, &sv->waiting)) return true;
	pairs_close(&sv->waiting);
	return false;
}

static void on_restart_both(void *arg)
{
	struct supervisor *sv = arg;

	/* The channels' other ends died with front; fetch must be given new ones at its start. Either
	 * service's timer may have led here: the other's must not end what is started now. */
	sv->front.pausing = sv->fetch.pausing = false;
	loop_timer_stop(sv->front.restart);
	loop_timer_stop(sv->fetch.restart);
	channel_free(&sv->fetch.control);
	child_free(&sv->fetch.child);
	if (!start_both(sv)) {
		log_error("cannot start the processes", LOG_S("error", strerror(errno)));
		restart_later(sv, &sv->front);
	}
}

static void on_restart_fetch(void *arg)
{
	struct supervisor *sv = arg;
	struct pairs p = { .n = 0 };

	sv->fetch.pausing = false;
	if (sv->front.child == NULL) {
		on_restart_both(sv);
	} else if (!pairs_open(&p, sv->workers) || !spawn_fetch(sv, &p)) {
		log_error("cannot start a process", LOG_S("process", "fetch"),
			  LOG_S("error", strerror(errno)));
		restart_later(sv, &sv->fetch);
	} else if (sv->front.control != NULL) {
		const char kind = FRONT_CONTROL_CHANNELS;
		channel_send(sv->front.control, span_make(&kind, 1), p.ends[0], p.n);
	}
	pairs_close(&p);
}

static void on_ready(struct service *svc)
{
	struct supervisor *sv = svc->sv;

	svc->ready = true;
	if (sv->ending) return;
	if (svc == &sv->fetch && sv->waiting.n > 0) {
		if (!spawn_front(sv, &sv->waiting)) {
			log_error("cannot start a process", LOG_S("process", "front"),
				  LOG_S("error", strerror(errno)));
			restart_later(sv, &sv->front);
		}
		pairs_close(&sv->waiting);
	} else if (svc == &sv->front && !sv->told_ready) {
		sv->told_ready = true;
		fputs(sv->options->ready_text, stdout);
		fflush(stdout);
		notify_send("READY=1\nSTATUS=Serving");
	}
}

/* --- ending --- */

static void end_now(struct supervisor *sv, int exit_code)
{
	sv->ending = true;
	sv->exit_code = exit_code;
	child_free(&sv->front.child);
	child_free(&sv->fetch.child);
	loop_stop(sv->loop);
}

static void log_exit(const struct service *svc, int status)
{
	if (WIFSIGNALED(status))
		log_error("a process died", LOG_S("process", svc->name),
			  LOG_I("signal", WTERMSIG(status)));
	else
		log_error("a process ended", LOG_S("process", svc->name),
			  LOG_I("exit_code", WEXITSTATUS(status)));
}

/* Once it has worked it may work again: disks and mounts come back. */
static bool hopeless(const struct supervisor *sv, int status)
{
	return !sv->told_ready && WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_HOPELESS;
}

static void on_fetch_exit(void *arg, int status)
{
	struct supervisor *sv = arg;

	child_free(&sv->fetch.child);
	channel_free(&sv->fetch.control);
	if (sv->ending && sv->front.child == NULL) {
		if (status != 0 && sv->told_ready) log_exit(&sv->fetch, status);
		loop_stop(sv->loop);
		return;
	}
	log_exit(&sv->fetch, status);
	if (hopeless(sv, status))
		end_now(sv, 1);
	else if (!sv->ending && !sv->front.pausing) /* else front's restart starts both */
		restart_later(sv, &sv->fetch);
}

static void on_front_exit(void *arg, int status)
{
	struct supervisor *sv = arg;

	child_free(&sv->front.child);
	channel_free(&sv->front.control);
	if (sv->ending) {
		loop_timer_stop(sv->delay);
		if (status != 0) log_exit(&sv->front, status);
		stop_fetch(sv);
		return;
	}
	log_exit(&sv->front, status);
	if (hopeless(sv, status))
		end_now(sv, 1);
	else
		restart_later(sv, &sv->front);
}

/* Nobody asks any more: what fetch still does would only be waited for. */
static void stop_fetch(struct supervisor *sv)
{
	if (sv->fetch.child == NULL) {
		loop_stop(sv->loop);
		return;
	}
	channel_free(&sv->fetch.control); /* which it hears */
	loop_timer_start(sv->deadline, GRACE_MS, 0);
}

static void on_deadline(void *arg)
{
	struct supervisor *sv = arg;

	if (sv->front.child != NULL) {
		log_error("front did not end in time", LOG_I("child", child_pid(sv->front.child)));
		child_free(&sv->front.child);
		channel_free(&sv->front.control);
		stop_fetch(sv);
	} else {
		child_free(&sv->fetch.child);
		loop_stop(sv->loop);
	}
}

static void tell_front(struct supervisor *sv, const char *message, size_t n)
{
	channel_send(sv->front.control, span_make(message, n), NULL, 0);
}

static void drain_front(struct supervisor *sv)
{
	const uint32_t ms = (uint32_t)sv->options->settings->drain_timeout;
	const char message[] = { FRONT_CONTROL_DRAIN, (char)ms, (char)(ms >> 8), (char)(ms >> 16),
				 (char)(ms >> 24) };

	if (sv->front.control == NULL) {
		child_free(&sv->front.child);
		stop_fetch(sv);
		return;
	}
	log_info("draining", LOG_I("deadline_ms", ms));
	tell_front(sv, message, sizeof message);
	loop_timer_start(sv->deadline, ms + GRACE_MS, 0);
}

static void on_delay_over(void *arg)
{
	drain_front(arg);
}

/* Load balancers see /readyz fail before the first connection is refused. */
static void begin_drain(struct supervisor *sv)
{
	const uint64_t delay_ms = sv->options->settings->drain_delay;

	if (delay_ms == 0 || sv->front.control == NULL) {
		drain_front(sv);
		return;
	}
	log_info("going down soon", LOG_I("delay_ms", delay_ms));
	tell_front(sv, &(const char){ FRONT_CONTROL_LAST_CALL }, 1);
	loop_timer_start(sv->delay, delay_ms, 0);
}

static void on_terminate(void *arg)
{
	struct supervisor *sv = arg;

	if (sv->ending && loop_now_ms(sv->loop) - sv->told_to_end_ms < ONE_WISH_MS) return;
	if (sv->ending) {
		log_warn("told to end twice, ending at once", LOG_I("pid", getpid()));
		end_now(sv, 1);
		return;
	}
	sv->ending = true;
	notify_send("STOPPING=1\nSTATUS=Draining");
	sv->told_to_end_ms = loop_now_ms(sv->loop);
	loop_timer_stop(sv->front.restart);
	loop_timer_stop(sv->fetch.restart);
	begin_drain(sv);
}

static void on_certificates(void *arg, int fd)
{
	struct supervisor *sv = arg;
	const char kind = FRONT_CONTROL_TLS;

	close(sv->tls_fd);
	sv->tls_fd = fd;
	if (sv->front.control != NULL) channel_send(sv->front.control, span_make(&kind, 1), &fd, 1);
}

static void on_hangup(void *arg)
{
	struct supervisor *sv = arg;

	log_info("SIGHUP: certificates are read again, settings only at start; logs go to standard "
		 "error",
		 LOG_I("pid", getpid()));
	if (sv->tls != NULL && !sv->ending) tlswatch_reload(sv->tls);
}

/* --- the pulse --- */

/* A loop never waits for anything but its events: what does not turn for so long will not turn again. */
static uint64_t patience_ms(void)
{
	const uint64_t watchdog_ms = notify_watchdog_ms();

	return watchdog_ms > 0 && watchdog_ms / 2 < PATIENCE_MS ? watchdog_ms / 2 : PATIENCE_MS;
}

/* Has it answered? Pings it again if so. */
static bool feel(struct supervisor *sv, struct service *svc)
{
	const uint64_t now_ms = loop_now_ms(sv->loop);
	const char ping = svc == &sv->front ? FRONT_CONTROL_PING : FETCH_CONTROL_PING;

	if (svc->child == NULL || svc->control == NULL || !svc->ready) return false;
	if (svc->asked_ms == 0) {
		svc->asked_ms = now_ms;
		channel_send(svc->control, span_make(&ping, 1), NULL, 0);
		return true;
	}
	if (now_ms - svc->asked_ms >= patience_ms()) {
		log_error("a process does not answer and is killed", LOG_S("process", svc->name),
			  LOG_I("child", child_pid(svc->child)),
			  LOG_I("ms", now_ms - svc->asked_ms));
		child_signal(svc->child, SIGKILL);
	}
	return false;
}

static void on_pulse(void *arg)
{
	struct supervisor *sv = arg;
	const bool front = feel(sv, &sv->front), fetch = feel(sv, &sv->fetch);

	if (front && fetch) notify_send("WATCHDOG=1");
}

static uint64_t pulse_ms(void)
{
	const uint64_t ms = patience_ms() / 4;
	return ms < 1 ? 1 : ms > PULSE_MS ? PULSE_MS : ms;
}

static unsigned worker_count(const struct settings *s)
{
	cpu_set_t cpus;
	uint64_t n = s->workers;

	if (n == 0)
		n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (uint64_t)CPU_COUNT(&cpus) : 1;
	return (unsigned)(n < 1 ? 1 : n > CHANNEL_FDS_MAX ? CHANNEL_FDS_MAX : n);
}

static void service_init(struct supervisor *sv, struct service *svc, const char *name,
			 int settings_fd, loop_fn *on_restart)
{
	*svc = (struct service){ .name = name, .settings_fd = settings_fd, .sv = sv };
	svc->restart = loop_timer_new(sv->loop, on_restart, sv);
}

static void service_deinit(struct service *svc)
{
	child_free(&svc->child);
	channel_free(&svc->control);
	loop_timer_free(&svc->restart);
	if (svc->settings_fd >= 0) close(svc->settings_fd);
}

/* Whoever tells an ending process to end must not change its exit code. */
static void ignore_wishes(void)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor sv = { .options = options,
				 .workers = worker_count(options->settings),
				 .tls_fd = options->tls_fd };

	_Static_assert(CHANNEL_FDS_MAX <= METRICS_WORKERS_MAX, "a page each");
	sv.metrics_fd = metrics_create(sv.workers);
	if (sv.metrics_fd >= 0 && !metrics_attach(sv.metrics_fd, METRICS_SUPERVISOR))
		log_warn("no metrics", LOG_S("process", "supervisor"));
	sv.loop = loop_new();
	service_init(&sv, &sv.front, "front", settings_memfd(options->settings, false),
		     on_restart_both);
	service_init(&sv, &sv.fetch, "fetch", settings_memfd(options->settings, true),
		     on_restart_fetch);
	sv.delay = loop_timer_new(sv.loop, on_delay_over, &sv);
	sv.deadline = loop_timer_new(sv.loop, on_deadline, &sv);
	sv.pulse = loop_timer_new(sv.loop, on_pulse, &sv);
	loop_timer_start(sv.pulse, pulse_ms(), pulse_ms());
	if (sv.tls_fd >= 0)
		sv.tls = tlswatch_new(sv.loop, options->settings, options->tls_stamp,
				      on_certificates, &sv);
	loop_on_signal(sv.loop, SIGTERM, on_terminate, &sv);
	loop_on_signal(sv.loop, SIGINT, on_terminate, &sv);
	loop_on_signal(sv.loop, SIGHUP, on_hangup, &sv);
	if (sv.front.settings_fd < 0 || sv.fetch.settings_fd < 0 || sv.metrics_fd < 0 ||
	    !start_both(&sv)) {
		log_error("cannot start the processes", LOG_S("error", strerror(errno)));
		sv.exit_code = 1;
	} else {
		loop_run(sv.loop);
		log_info("ended", LOG_I("exit_code", sv.exit_code));
	}
	ignore_wishes();
	pairs_close(&sv.waiting);
	service_deinit(&sv.front);
	service_deinit(&sv.fetch);
	loop_timer_free(&sv.pulse);
	loop_timer_free(&sv.delay);
	tlswatch_free(&sv.tls);
	if (sv.tls_fd >= 0) close(sv.tls_fd);
	loop_timer_free(&sv.deadline);
	if (sv.metrics_fd >= 0) close(sv.metrics_fd);
	loop_free(&sv.loop);
	return sv.exit_code;
}
