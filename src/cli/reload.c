/* SPDX-License-Identifier: Apache-2.0 */
/* How new settings come into force. The new fetch and then the new front are started beside the old ones;
 * up to here everything can be undone. When both stand, the old front stops accepting (on the same
 * sockets, which the new one accepts on by now) and finishes, the old fetch finishes what it can in
 * a short time and gives back the rest, and when it has ended the new one opens the store. Orders wait in
 * the new fetch's channels meanwhile. */
#include "cli/supervisor_internal.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/notify.h"
#include "cli/role.h"
#include "fetch/fetch.h"
#include "serve/front.h"

#define START_MS     30000 /* for the new processes to stand */
#define HANDOVER_MS  10000 /* for the old fetch's flights, or what a drain gives if that is less */
#define HANDOVER_END 5000  /* for its end, after what a drain gives to those it streams to */
#define RETIRE_MS    3600000 /* for the longest download from an old front */
/* So many old fronts may finish at a time; the oldest is then hurried. */
#define OLD_FRONTS_MAX 8
_Static_assert(OLD_FRONTS_MAX + 2 <= METRICS_FRONTS, "one that serves and one to come");

static void log_notes(const struct draft *d)
{
	for (const struct draft_note *n = d->notes; n != NULL; n = n->next)
		LOG_LINE(n->level, n->text, LOG_S("about", "settings"));
}

/* --- not in force yet --- */

static void drop(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;

	service_free(&r->front);
	service_free(&r->fetch);
	plan_discard(&r->plan, sv->plan);
	r->stands = false;
}

static void refuse(struct supervisor *sv, const char *why)
{
	loop_timer_stop(sv->reload.deadline);
	drop(sv);
	log_error("the settings are not reloaded, the old ones stay in force",
		  LOG_S("reason", why));
	notify_send("READY=1\nSTATUS=Serving with the old settings: the new ones were refused");
	supervisor_reload_next(sv);
}

static void kill_late(struct service *old)
{
	log_error("an old process did not give way in time and is killed",
		  LOG_S("process", old->name), LOG_I("child", child_pid(old->child)));
	child_signal(old->child, SIGKILL);
}

static void on_deadline(void *arg)
{
	struct supervisor *sv = arg;

	if (sv->reload.plan != NULL) {
		refuse(sv, "the new processes did not start in time");
		return;
	}
	if (sv->old_fetch != NULL) kill_late(sv->old_fetch);
	if (sv->reload.leaving != NULL) kill_late(sv->reload.leaving);
}

/* --- coming into force --- */

static void retire_front(struct supervisor *sv)
{
	struct service *old = sv->front;

	if (old == NULL) return;
	service_tell_u32(old, FRONT_CONTROL_RETIRE, RETIRE_MS);
	old->since_ms = loop_now_ms(sv->loop);
	list_append(&sv->old_fronts, &old->node);
	sv->reload.leaving = old;
}

static uint32_t handover_ms(const struct supervisor *sv)
{
	const uint64_t drain_ms = sv->plan->draft.settings.drain_timeout;
	return (uint32_t)(drain_ms < HANDOVER_MS ? drain_ms : HANDOVER_MS);
}

static void retire_fetch(struct supervisor *sv)
{
	struct service *old = sv->fetch;

	if (old == NULL) return;
	service_tell_u32(old, FETCH_CONTROL_RETIRE, handover_ms(sv));
	sv->old_fetch = old;
}

static void stop_care(struct supervisor_care *care)
{
	loop_timer_stop(care->restart);
	care->pausing = false;
	care->backoff_ms = 0;
}

static void change_log(const struct settings *s)
{
	log_stop();
	log_init("supervisor", STDERR_FILENO, s->log_level, s->log_format);
	log_start();
}

static void come_into_force(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;
	struct mg_buf names = BUF_MAX(4096);

	plan_log_changes(sv->plan, r->plan, &names);
	stop_care(&sv->front_care);
	stop_care(&sv->fetch_care);
	retire_front(sv);
	retire_fetch(sv);
	sv->front = r->front;
	sv->fetch = r->fetch;
	supervisor_watch_certificates(sv, r->plan);
	plan_take_over(sv->plan, r->plan);
	plan_free(&sv->plan);
	sv->plan = r->plan;
	r->plan = NULL;
	r->front = r->fetch = NULL;
	r->stands = false;
	change_log(&sv->plan->draft.settings);
	LIST_EACH(it, &sv->old_fronts)
	{
		supervisor_connect(LIST_OWNER(it, struct service, node), sv->fetch);
	}
	log_info("new settings are in force", LOG_I("number", ++r->number),
		 LOG_S("changed", names.n > 0 ? buf_cstr(&names) : "nothing"),
		 LOG_I("ms", loop_now_ms(sv->loop) - r->begun_ms));
	buf_deinit(&names);
	r->finishing = true;
	loop_timer_start(r->deadline, sv->plan->draft.settings.drain_timeout + HANDOVER_END, 0);
	supervisor_let_fetch_go(sv);
}

/* Whoever connects from here on meets the new settings, and what he asks for is fetched by them. */
static void finish(struct supervisor *sv)
{
	if (!sv->reload.finishing || sv->reload.leaving != NULL || sv->fetch == NULL ||
	    !sv->fetch->ready)
		return;
	sv->reload.finishing = false;
	loop_timer_stop(sv->reload.deadline);
	log_info("reloaded", LOG_I("number", sv->reload.number),
		 LOG_I("ms", loop_now_ms(sv->loop) - sv->reload.begun_ms));
	notify_send("READY=1\nSTATUS=Serving");
}

void supervisor_reload_news(struct supervisor *sv, struct service *svc, char what)
{
	struct supervisor_reload *r = &sv->reload;

	if (svc == r->fetch && what == ROLE_TELL_STANDING) {
		r->front = supervisor_spawn_front(sv, r->plan, r->fetch);
		if (r->front == NULL) refuse(sv, strerror(errno));
	} else if (svc == r->front && what == ROLE_TELL_READY) {
		r->stands = true;
		supervisor_reload_next(sv);
	} else if (svc == sv->fetch || svc == r->leaving) {
		if (svc == r->leaving && what == ROLE_TELL_DEAF) r->leaving = NULL;
		finish(sv);
		supervisor_reload_next(sv);
	}
}

bool supervisor_reload_exit(struct supervisor *sv, struct service *svc, int status)
{
	if (svc == sv->reload.leaving) {
		sv->reload.leaving = NULL;
		finish(sv);
	}
	if (svc != sv->reload.fetch && svc != sv->reload.front) return false;
	supervisor_log_exit(svc, status);
	refuse(sv, "a new process could not start; see above");
	return true;
}

/* --- beginning --- */

static size_t count_old(struct supervisor *sv)
{
	size_t n = 0;
	LIST_EACH(it, &sv->old_fronts)
	{
		n++;
	}
	return n;
}

/* Whoever has had the time that a drain gives must not keep new settings out. */
static void hurry_oldest(struct supervisor *sv)
{
	struct service *old = LIST_OWNER(list_first(&sv->old_fronts), struct service, node);
	const uint64_t had_ms = loop_now_ms(sv->loop) - old->since_ms;
	const uint64_t due_ms = sv->plan->draft.settings.drain_timeout;

	service_tell_u32(old, FRONT_CONTROL_DRAIN,
			 (uint32_t)(had_ms < due_ms ? due_ms - had_ms : 0));
}

void supervisor_reload(struct supervisor *sv)
{
	if (sv->ending) return;
	if (sv->tls != NULL) tlswatch_reload(sv->tls);
	sv->reload.again = true;
	supervisor_reload_next(sv);
}

void supervisor_reload_next(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;

	if (sv->ending || !sv->told_ready || sv->old_fetch != NULL || r->leaving != NULL) return;
	/* Who is just beginning can give nothing back yet. */
	if (sv->fetch != NULL && !sv->fetch->ready) return;
	if (r->stands) come_into_force(sv);
	if (!r->again || r->plan != NULL || sv->old_fetch != NULL) return;
	if (count_old(sv) >= OLD_FRONTS_MAX) {
		hurry_oldest(sv);
		return;
	}
	r->again = false;
	r->begun_ms = loop_now_ms(sv->loop);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reloading",
		    (unsigned long long)clock_mono_us());
	if (r->deadline == NULL) r->deadline = loop_timer_new(sv->loop, on_deadline, sv);
	r->plan = plan_make(sv->options->source, sv->plan);
	log_notes(&r->plan->draft);
	if (r->plan->draft.errors > 0) {
		refuse(sv, "see above");
		return;
	}
	r->fetch = supervisor_spawn_fetch(sv, r->plan);
	if (r->fetch == NULL)
		refuse(sv, strerror(errno));
	else
		loop_timer_start(r->deadline, START_MS, 0);
}

void supervisor_reload_abort(struct supervisor *sv)
{
	sv->reload.again = false;
	drop(sv);
}
