/* SPDX-License-Identifier: Apache-2.0 */
/* How the supervisor ends: the fronts first, which finish their answers, then fetch, which nobody asks any more. */
#include "cli/supervisor_internal.h"

#include <unistd.h>

#include "base/log.h"
#include "cli/notify.h"
#include "serve/front.h"

#define GRACE_MS    5000 /* for ending, beyond what was asked for */
#define ONE_WISH_MS 500  /* timeout(1) and others signal the process, then its group */

bool supervisor_fronts_left(struct supervisor *sv)
{
	return sv->front != NULL || !list_empty(&sv->old_fronts) || sv->inherit.channel != NULL;
}

void supervisor_free_fronts(struct supervisor *sv)
{
	service_free(&sv->front);
	while (!list_empty(&sv->old_fronts)) {
		struct service *old = LIST_OWNER(list_first(&sv->old_fronts), struct service, node);
		service_free(&old);
	}
	channel_free(&sv->inherit.channel);
	sv->leaving = NULL;
}

void supervisor_end_now(struct supervisor *sv, int exit_code)
{
	sv->ending = true;
	sv->exit_code = exit_code;
	supervisor_reload_abort(sv);
	supervisor_upgrade_abort(sv);
	supervisor_free_fronts(sv);
	service_free(&sv->fetch);
	service_free(&sv->old_fetch);
	loop_stop(sv->loop);
}

/* Nobody asks any more: what fetch still does would only be waited for. */
static void stop_fetch(struct supervisor *sv)
{
	if (sv->fetch == NULL && sv->old_fetch == NULL) {
		loop_stop(sv->loop);
		return;
	}
	if (sv->fetch != NULL) service_hang_up(sv->fetch);
	if (sv->old_fetch != NULL) service_hang_up(sv->old_fetch);
	loop_timer_start(sv->deadline, GRACE_MS, 0);
}

void supervisor_one_less(struct supervisor *sv)
{
	if (!sv->ending || supervisor_fronts_left(sv)) return;
	loop_timer_stop(sv->delay);
	stop_fetch(sv);
}

void supervisor_on_deadline(void *arg)
{
	struct supervisor *sv = arg;

	if (supervisor_fronts_left(sv)) {
		log_error("front did not end in time", LOG_I("pid", getpid()));
		supervisor_free_fronts(sv);
		stop_fetch(sv);
	} else {
		service_free(&sv->fetch);
		service_free(&sv->old_fetch);
		loop_stop(sv->loop);
	}
}

void supervisor_drain(struct supervisor *sv)
{
	const uint32_t ms = (uint32_t)sv->plan->draft.settings.drain_timeout;

	/* Nobody shall wait on a socket that nobody listens on. */
	sockets_unlink(&sv->plan->sockets, sv->told_ready ? NULL : &sv->options->left->open);
	sockets_close(&sv->plan->sockets);
	if (sv->front != NULL && sv->front->control == NULL) service_free(&sv->front);
	if (!supervisor_fronts_left(sv)) {
		stop_fetch(sv);
		return;
	}
	log_info("draining", LOG_I("deadline_ms", ms));
	if (sv->front != NULL) {
		metrics_add(METRICS_DRAINS, 1);
		service_tell_u32(sv->front, FRONT_CONTROL_DRAIN, ms);
	}
	LIST_EACH(it, &sv->old_fronts)
	{
		service_tell_u32(LIST_OWNER(it, struct service, node), FRONT_CONTROL_DRAIN, ms);
	}
	supervisor_inherit_end(sv);
	loop_timer_start(sv->deadline, ms + GRACE_MS, 0);
}

void supervisor_on_delay(void *arg)
{
	supervisor_drain(arg);
}

/* Load balancers see /readyz fail before the first connection is refused. */
static void begin_drain(struct supervisor *sv)
{
	const uint64_t delay_ms = sv->plan->draft.settings.drain_delay;

	if (delay_ms == 0 || sv->front == NULL) {
		supervisor_drain(sv);
		return;
	}
	log_info("going down soon", LOG_I("delay_ms", delay_ms));
	service_tell(sv->front, FRONT_CONTROL_LAST_CALL, NULL, 0);
	loop_timer_start(sv->delay, delay_ms, 0);
}

void supervisor_on_terminate(void *arg)
{
	struct supervisor *sv = arg;
	const uint64_t now_ms = loop_now_ms(sv->loop);

	if (sv->told_to_end_ms > 0 && now_ms - sv->told_to_end_ms < ONE_WISH_MS) return;
	if (sv->told_to_end_ms > 0) {
		log_warn("told to end twice, ending at once", LOG_I("pid", getpid()));
		supervisor_end_now(sv, 1);
		return;
	}
	sv->told_to_end_ms = now_ms;
	if (sv->left) {
		supervisor_drain(sv);
		return;
	}
	sv->ending = true;
	notify_send("STOPPING=1\nSTATUS=Draining");
	supervisor_stop_care(&sv->front_care);
	supervisor_stop_care(&sv->fetch_care);
	supervisor_reload_abort(sv);
	supervisor_upgrade_abort(sv);
	begin_drain(sv);
}
