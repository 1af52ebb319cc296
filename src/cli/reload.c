/* SPDX-License-Identifier: Apache-2.0 */
/* How new settings come into force. The new fetch and then the new front are started beside the old ones;
 * up to here everything can be undone. When both stand, the old front stops accepting (on the same
 * sockets, which the new one accepts on by now) and finishes, the old fetch finishes what it can in
 * a short time and gives back the rest, and when it has ended the new one opens the store. Orders wait in
 * the new fetch's channels meanwhile. */
#include "cli/supervisor_internal.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/notify.h"
#include "cli/role.h"

#define START_MS 30000 /* for the new processes to stand */
#define FETCH_END_MS                                                                               \
	5000 /* for the old fetch's end, after what a drain gives to those it streams to */
#define TEXT_MAX 4096

static void log_notes(const struct draft *d)
{
	for (const struct draft_note *n = d->notes; n != NULL; n = n->next)
		LOG_LINE(n->level, n->text, LOG_S("about", "settings"));
}

/* To the command that asked, if one did. */
static void answer(struct supervisor *sv, bool ok, const char *text, const char *more)
{
	struct mg_buf line = BUF_MAX(2 * TEXT_MAX);

	if (!sv->reload.asked) return;
	sv->reload.asked = false;
	buf_printf(&line, "%s%.*s", text, TEXT_MAX, more);
	steering_answer(sv->steering, ok, buf_cstr(&line));
	buf_deinit(&line);
}

/* --- not in force yet --- */

static void drop(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;

	service_free(&r->front);
	service_free(&r->fetch);
	plan_discard(&r->plan, &sv->plan->sockets);
	r->stands = false;
}

static void refuse(struct supervisor *sv, const char *why)
{
	loop_timer_stop(sv->reload.deadline);
	drop(sv);
	metrics_add(METRICS_SETTINGS_RELOADS + METRICS_RELOAD_REFUSED, 1);
	answer(sv, false, "the old settings stay in force: ", why);
	log_error("the settings are not reloaded, the old ones stay in force",
		  LOG_S("reason", why));
	notify_send("READY=1\nSTATUS=Serving with the old settings: the new ones were refused");
	supervisor_next(sv);
}

static void on_deadline(void *arg)
{
	struct supervisor *sv = arg;

	if (sv->reload.plan != NULL)
		refuse(sv, "the new processes did not start in time");
	else
		supervisor_kill_late(sv);
}

void supervisor_reload_abort(struct supervisor *sv)
{
	answer(sv, false, "", "the server is ending");
	sv->reload.again = false;
	drop(sv);
	buf_deinit(&sv->reload.changed);
}

/* --- coming into force --- */

static void change_log(const struct settings *s)
{
	log_stop();
	log_init("supervisor", STDERR_FILENO, s->log_level, s->log_format);
	log_start();
}

void supervisor_reload_come_into_force(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;

	buf_deinit(&r->changed);
	r->changed = BUF_MAX(TEXT_MAX);
	plan_log_changes(sv->plan, r->plan, &r->changed);
	if (r->changed.n == 0) buf_append(&r->changed, SPAN("nothing"));
	supervisor_stop_care(&sv->front_care);
	supervisor_stop_care(&sv->fetch_care);
	supervisor_retire_front(sv);
	supervisor_retire_fetch(sv);
	sv->front = r->front;
	sv->fetch = r->fetch;
	supervisor_watch_certificates(sv, r->plan);
	plan_take_over(r->plan, &sv->plan->sockets);
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
		 LOG_SP("changed", buf_span(&r->changed)),
		 LOG_I("ms", loop_now_ms(sv->loop) - r->begun_ms));
	metrics_add(METRICS_SETTINGS_RELOADS + METRICS_RELOAD_TAKEN, 1);
	r->finishing = true;
	loop_timer_start(r->deadline, sv->plan->draft.settings.drain_timeout + FETCH_END_MS, 0);
	supervisor_let_fetch_go(sv);
}

/* Whoever connects from here on meets the new settings, and what he asks for is fetched by them. */
void supervisor_reload_finish(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;

	if (sv->ending || !r->finishing || sv->leaving != NULL || sv->fetch == NULL ||
	    !sv->fetch->ready)
		return;
	r->finishing = false;
	loop_timer_stop(r->deadline);
	log_info("reloaded", LOG_I("number", r->number),
		 LOG_I("ms", loop_now_ms(sv->loop) - r->begun_ms));
	notify_send("READY=1\nSTATUS=Serving");
	answer(sv, true, "new settings are in force; changed: ", buf_cstr(&r->changed));
	supervisor_next(sv);
}

void supervisor_reload_news(struct supervisor *sv, struct service *svc, char what)
{
	struct supervisor_reload *r = &sv->reload;

	if (svc == r->fetch && what == ROLE_TELL_STANDING) {
		r->front = supervisor_spawn_front(sv, r->plan, r->fetch);
		if (r->front == NULL) refuse(sv, strerror(errno));
	} else if (svc == r->front && what == ROLE_TELL_READY) {
		r->stands = true;
		supervisor_next(sv);
	} else if (svc == sv->fetch && what == ROLE_TELL_READY) {
		supervisor_reload_finish(sv);
	}
}

bool supervisor_reload_exit(struct supervisor *sv, struct service *svc, int status)
{
	if (svc != sv->reload.fetch && svc != sv->reload.front) return false;
	supervisor_log_exit(svc, status);
	refuse(sv, "a new process could not start; the log says why");
	return true;
}

/* --- beginning --- */

void supervisor_reload(struct supervisor *sv)
{
	if (sv->ending) return;
	if (sv->tls != NULL) tlswatch_reload(sv->tls);
	sv->reload.again = true;
	supervisor_next(sv);
}

void supervisor_reload_begin(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;

	r->again = false;
	r->asked = r->ask;
	r->ask = false;
	r->begun_ms = loop_now_ms(sv->loop);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reloading",
		    (unsigned long long)clock_mono_us());
	if (r->deadline == NULL) r->deadline = loop_timer_new(sv->loop, on_deadline, sv);
	r->plan = plan_make(sv->options->source, sv->plan);
	log_notes(&r->plan->draft);
	if (r->plan->draft.errors > 0) {
		struct mg_buf why = BUF_MAX(TEXT_MAX);
		plan_errors(r->plan, &why);
		refuse(sv, buf_cstr(&why));
		buf_deinit(&why);
		return;
	}
	r->fetch = supervisor_spawn_fetch(sv, r->plan);
	if (r->fetch == NULL)
		refuse(sv, strerror(errno));
	else
		loop_timer_start(r->deadline, START_MS, 0);
}
