/* SPDX-License-Identifier: Apache-2.0 */
/* How processes give way to others: what reload.c and upgrade.c have in common, and which of them comes next. */
#include "cli/supervisor_internal.h"

#include <signal.h>

#include "base/log.h"
#include "fetch/fetch.h"
#include "serve/front.h"

#define HANDOVER_MS 10000   /* for the old fetch's flights, or what a drain gives if that is less */
#define RETIRE_MS   3600000 /* for the longest download from an old front */
/* So many old fronts may finish at a time; the oldest is then hurried. */
#define OLD_FRONTS_MAX 8
_Static_assert(OLD_FRONTS_MAX + 2 == SUPERVISOR_FRONTS_MAX, "one that serves and one to come");

void supervisor_retire_front(struct supervisor *sv)
{
	struct service *old = sv->front;

	sv->front = NULL;
	if (old == NULL) return;
	metrics_add(METRICS_DRAINS, 1);
	service_tell_u32(old, FRONT_CONTROL_RETIRE, RETIRE_MS);
	old->since_ms = loop_now_ms(sv->loop);
	list_append(&sv->old_fronts, &old->node);
	sv->leaving = old;
}

void supervisor_retire_fetch(struct supervisor *sv)
{
	const uint64_t drain_ms = sv->plan->draft.settings.drain_timeout;

	if (sv->fetch == NULL) return;
	service_tell_u32(sv->fetch, FETCH_CONTROL_RETIRE,
			 (uint32_t)(drain_ms < HANDOVER_MS ? drain_ms : HANDOVER_MS));
	sv->old_fetch = sv->fetch;
	sv->fetch = NULL;
}

static void kill_late(struct service *old)
{
	if (old == NULL) return;
	log_error("an old process did not give way in time and is killed",
		  LOG_S("process", old->name), LOG_I("child", child_pid(old->child)));
	child_signal(old->child, SIGKILL);
}

void supervisor_kill_late(struct supervisor *sv)
{
	kill_late(sv->old_fetch);
	kill_late(sv->leaving);
}

void supervisor_stop_care(struct supervisor_care *care)
{
	loop_timer_stop(care->restart);
	care->pausing = false;
	care->backoff_ms = 0;
}

static size_t count_old(struct supervisor *sv)
{
	size_t n = 0;
	LIST_EACH(it, &sv->old_fronts)
	{
		n++;
	}
	return n;
}

/* Whoever has had the time that a drain gives must not keep new ones out. */
static void hurry_oldest(struct supervisor *sv)
{
	struct service *old = LIST_OWNER(list_first(&sv->old_fronts), struct service, node);
	const uint64_t had_ms = loop_now_ms(sv->loop) - old->since_ms;
	const uint64_t due_ms = sv->plan->draft.settings.drain_timeout;

	service_tell_u32(old, FRONT_CONTROL_DRAIN,
			 (uint32_t)(had_ms < due_ms ? due_ms - had_ms : 0));
}

static bool is_changing(const struct supervisor *sv)
{
	return sv->old_fetch != NULL || sv->leaving != NULL || sv->upgrade.stage != UPGRADE_NONE;
}

void supervisor_next(struct supervisor *sv)
{
	struct supervisor_reload *r = &sv->reload;

	if (sv->ending || !sv->told_ready || is_changing(sv)) return;
	/* Who is just beginning can give nothing back yet. */
	if (sv->fetch != NULL && !sv->fetch->ready) return;
	if (r->stands) supervisor_reload_come_into_force(sv);
	if (r->plan != NULL || r->finishing || is_changing(sv)) return;
	if (!r->again && !sv->upgrade.again) return;
	if (count_old(sv) >= OLD_FRONTS_MAX)
		hurry_oldest(sv);
	else if (r->again)
		supervisor_reload_begin(sv);
	else
		supervisor_upgrade_begin(sv);
}

void supervisor_gave_way(struct supervisor *sv)
{
	sv->leaving = NULL;
	if (sv->left)
		supervisor_upgrade_finish(sv);
	else
		supervisor_reload_finish(sv);
}
