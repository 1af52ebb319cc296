/* SPDX-License-Identifier: Apache-2.0 */
/* The old supervisor's part in an upgrade; cli/handover.h has the whole sequence. */
#include "cli/supervisor_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/handover.h"
#include "cli/notify.h"
#include "serve/front.h"

#define END_MS       5000  /* between the two signs of the new one's end */
#define START_MS     30000 /* for the new one to be prepared, and again to be ready */
#define FETCH_END_MS 5000 /* for our fetch's end, after what a drain gives to those it streams to */

static void answer(struct supervisor *sv, bool ok, const char *text, const char *more)
{
	struct mg_buf line = BUF_MAX(2048);

	buf_printf(&line, "%s%s", text, more);
	steering_answer(sv->steering, ok, buf_cstr(&line));
	buf_deinit(&line);
}

/* --- when it fails --- */

static void forget_heir(struct supervisor *sv)
{
	struct supervisor_upgrade *u = &sv->upgrade;

	loop_timer_stop(u->deadline);
	child_free(&u->heir);
	channel_free(&u->channel);
	u->reason[0] = '\0';
	u->stage = UPGRADE_NONE;
}

/* Our front has never stopped; fetch must be there again. */
static void fail(struct supervisor *sv, const char *otherwise)
{
	struct supervisor_upgrade *u = &sv->upgrade;
	const bool fetchless = u->stage >= UPGRADE_PREPARED;
	const char *why = u->reason[0] != '\0' ? u->reason : otherwise;

	metrics_add(METRICS_UPGRADED + METRICS_UPGRADE_FAILED, 1);
	log_error("the upgrade failed, this process goes on", LOG_S("reason", why));
	answer(sv, false, "the new server did not come up, the old one goes on: ", why);
	forget_heir(sv);
	supervisor_forget_places(sv);
	if (fetchless) supervisor_start_fetch(sv);
	supervisor_next(sv);
}

static void on_deadline(void *arg)
{
	struct supervisor *sv = arg;

	if (sv->left || sv->old_fetch != NULL)
		supervisor_kill_late(sv);
	else
		fail(sv, "it was not ready in time");
}

void supervisor_upgrade_abort(struct supervisor *sv)
{
	sv->upgrade.again = false;
	if (sv->upgrade.stage == UPGRADE_NONE) return;
	answer(sv, false, "", "the server is ending");
	forget_heir(sv);
}

/* --- what the heir says --- */

static void give_channels(struct supervisor *sv, struct service *front)
{
	const char what = HANDOVER_CHANNELS;
	int ends[CHANNEL_FDS_MAX];
	unsigned n;

	if (front == NULL || !supervisor_connect_out(front, ends, &n)) return;
	channel_send(sv->upgrade.channel, span_make(&what, 1), ends, n);
	for (unsigned i = 0; i < n; i++)
		close(ends[i]);
}

/* From here on our fronts ask the new fetch; ours finishes what it can. */
static void on_prepared(struct supervisor *sv)
{
	sv->upgrade.stage = UPGRADE_PREPARED;
	supervisor_stop_care(&sv->fetch_care);
	give_channels(sv, sv->front);
	LIST_EACH(it, &sv->old_fronts)
	{
		give_channels(sv, LIST_OWNER(it, struct service, node));
	}
	supervisor_retire_fetch(sv);
	loop_timer_start(sv->upgrade.deadline,
			 sv->plan->draft.settings.drain_timeout + FETCH_END_MS, 0);
	supervisor_upgrade_fetch_gone(sv);
}

void supervisor_upgrade_fetch_gone(struct supervisor *sv)
{
	struct supervisor_upgrade *u = &sv->upgrade;
	const char go = HANDOVER_GO;

	if (u->stage != UPGRADE_PREPARED || sv->old_fetch != NULL || u->channel == NULL) return;
	u->stage = UPGRADE_GIVEN;
	channel_send(u->channel, span_make(&go, 1), NULL, 0);
	loop_timer_start(u->deadline, START_MS, 0);
}

/* The sockets' names in the file system are the heir's. */
static void on_ready(struct supervisor *sv)
{
	struct supervisor_upgrade *u = &sv->upgrade;

	u->stage = UPGRADE_NONE;
	sv->left = sv->ending = true;
	metrics_add(METRICS_UPGRADED + METRICS_UPGRADE_DONE, 1);
	notify_send("MAINPID=%d\nREADY=1\nSTATUS=Serving", (int)child_pid(u->heir));
	supervisor_stop_care(&sv->front_care);
	supervisor_retire_front(sv);
	sockets_close(&sv->plan->sockets);
	tlswatch_free(&sv->tls);
	loop_timer_start(u->deadline, START_MS, 0);
	if (sv->leaving == NULL) supervisor_upgrade_finish(sv);
}

void supervisor_upgrade_finish(struct supervisor *sv)
{
	char text[64];

	loop_timer_stop(sv->upgrade.deadline);
	snprintf(text, sizeof text, "process %d serves now", (int)child_pid(sv->upgrade.heir));
	log_info("another process serves now, this one finishes",
		 LOG_I("heir", child_pid(sv->upgrade.heir)),
		 LOG_I("ms", loop_now_ms(sv->loop) - sv->upgrade.begun_ms));
	answer(sv, true, "", text);
	supervisor_one_less(sv);
}

static void on_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct supervisor *sv = arg;
	struct supervisor_upgrade *u = &sv->upgrade;
	const char what = message.p[0];

	if (what == HANDOVER_PREPARED && u->stage == UPGRADE_STARTED)
		on_prepared(sv);
	else if (what == HANDOVER_READY && u->stage == UPGRADE_GIVEN)
		on_ready(sv);
	else if (what == HANDOVER_FAILED)
		snprintf(u->reason, sizeof u->reason, "%.*s", SPAN_ARG(span_from(message, 1)));
	else if (what == HANDOVER_END && sv->left)
		supervisor_drain(sv);
	else
		log_error("malformed message from the new server", LOG_I("bytes", message.n));
}

/* Its end follows, as a rule. */
static void on_closed(void *arg)
{
	struct supervisor *sv = arg;
	struct supervisor_upgrade *u = &sv->upgrade;

	channel_free(&u->channel);
	if (sv->left)
		supervisor_drain(sv);
	else if (u->heir == NULL)
		fail(sv, "");
	else
		loop_timer_start(u->deadline, END_MS, 0);
}

/* What it has said before its end may still be on its way. */
static void on_exit_of_heir(void *arg, int status)
{
	struct supervisor *sv = arg;
	struct supervisor_upgrade *u = &sv->upgrade;

	child_free(&u->heir);
	if (sv->left) return;
	if (u->reason[0] == '\0' && WIFSIGNALED(status))
		snprintf(u->reason, sizeof u->reason,
			 "signal %d ended it; what it said is in the server's log",
			 WTERMSIG(status));
	else if (u->reason[0] == '\0')
		snprintf(u->reason, sizeof u->reason,
			 "it ended with exit code %d; what it said is in the server's log",
			 WEXITSTATUS(status));
	if (u->channel == NULL)
		fail(sv, "");
	else
		loop_timer_start(u->deadline, END_MS, 0);
}

/* --- beginning --- */

static char *const *arguments_of(struct supervisor *sv, struct arena *a)
{
	char *const *args = sv->options->source->args;
	size_t n = 0;

	while (args[n] != NULL)
		n++;
	char **argv = arena_alloc(a, (n + 3) * sizeof *argv);
	argv[0] = arena_strdup(a, span_of(sv->options->program));
	argv[1] = arena_strdup(a, SPAN("serve"));
	memcpy(argv + 2, args, (n + 1) * sizeof *argv);
	return argv;
}

static char *const *environment_of(struct supervisor *sv, struct arena *a)
{
	char *const *from = sv->options->source->envp;
	size_t n = 0;

	while (from[n] != NULL)
		n++;
	char **envp = arena_alloc(a, (n + 2) * sizeof *envp);
	memcpy(envp, from, n * sizeof *envp);
	envp[n] = arena_strdup(a, SPAN(HANDOVER_VARIABLE "=1"));
	envp[n + 1] = NULL;
	return envp;
}

static struct child *spawn(struct supervisor *sv, int channel_fd)
{
	struct child_fd fds[HANDOVER_FDS_MAX];
	struct arena arena = ARENA_INIT;
	struct child *heir = NULL;
	int text_fd;

	const size_t n =
		handover_leave(&(struct handover_estate){ .settings = &sv->plan->draft.settings,
							  .given = sv->options->source->given,
							  .open = &sv->plan->sockets,
							  .channel = channel_fd,
							  .lock = sv->lock,
							  .metrics = sv->metrics_fd,
							  .metrics_places = supervisor_places(sv) },
			       &text_fd, fds);
	if (n > 0)
		heir = child_spawn(
			sv->loop,
			&(struct child_spec){ .argv = (const char *const *)arguments_of(sv, &arena),
					      .fds = fds,
					      .fd_count = n,
					      .program = sv->options->program,
					      .envp = environment_of(sv, &arena),
					      .outlives = true },
			on_exit_of_heir, sv);
	const int why = errno;
	if (text_fd >= 0) close(text_fd);
	arena_deinit(&arena);
	errno = why;
	return heir;
}

void supervisor_upgrade_begin(struct supervisor *sv)
{
	struct supervisor_upgrade *u = &sv->upgrade;
	int ends[2];

	u->again = false;
	u->begun_ms = loop_now_ms(sv->loop);
	if (u->deadline == NULL) u->deadline = loop_timer_new(sv->loop, on_deadline, sv);
	log_info("upgrading", LOG_S("program", sv->options->program));
	if (channel_pair(ends) != 0) {
		fail(sv, strerror(errno));
		return;
	}
	u->heir = spawn(sv, ends[1]);
	const int why = errno;
	close(ends[1]);
	if (u->heir == NULL) {
		close(ends[0]);
		char text[512];
		snprintf(text, sizeof text, "cannot run %s: %s", sv->options->program,
			 strerror(why));
		fail(sv, text);
		return;
	}
	u->channel = channel_new(sv->loop, ends[0], on_message, on_closed, sv);
	u->stage = UPGRADE_STARTED;
	loop_timer_start(u->deadline, START_MS, 0);
}

void supervisor_upgrade(struct supervisor *sv)
{
	if (sv->ending) {
		answer(sv, false, "", "the server is ending");
	} else if (getpid() == 1) {
		answer(sv, false, "",
		       "it is the first process of a container, which would end with it: start a "
		       "container of the new version");
	} else {
		sv->upgrade.again = true;
		supervisor_next(sv);
	}
}
