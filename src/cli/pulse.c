/* SPDX-License-Identifier: Apache-2.0 */
/* Do front and fetch begin their work, and do they turn then? Who does not is killed; while both do, the service
 * manager's watchdog is fed. */
#include <signal.h>

#include "base/log.h"
#include "cli/notify.h"
#include "cli/supervisor_internal.h"
#include "fetch/fetch.h"
#include "serve/front.h"

#define PULSE_MS    5000  /* between pings */
#define PATIENCE_MS 30000 /* how long one may be unanswered */

/* A loop never waits for anything but its events: what does not turn for so long will not turn again. */
static uint64_t patience_ms(void)
{
	const uint64_t watchdog_ms = notify_watchdog_ms();

	return watchdog_ms > 0 && watchdog_ms / 2 < PATIENCE_MS ? watchdog_ms / 2 : PATIENCE_MS;
}

static void kill_mute(struct service *svc, const char *what, uint64_t ms)
{
	log_error(what, LOG_S("process", svc->name), LOG_I("child", child_pid(svc->child)),
		  LOG_I("ms", ms));
	child_signal(svc->child, SIGKILL);
}

/* It may have a crashed one's files to sync and to remove before it begins. */
static uint64_t start_ms(void)
{
	return 2 * patience_ms();
}

/* A library that spins for want of memory, a mount that hangs: without this nobody would ever learn of it. */
static void expect_start(struct supervisor *sv, struct service *svc)
{
	const uint64_t ms = loop_now_ms(sv->loop) - svc->since_ms;

	if (ms < start_ms()) return;
	svc->mute = true;
	kill_mute(svc, "a process does not begin its work and is killed", ms);
}

/* Has it answered? Pings it again if so. */
static bool feel(struct supervisor *sv, struct service *svc, char ping)
{
	const uint64_t now_ms = loop_now_ms(sv->loop);

	if (svc == NULL || svc->control == NULL) return false;
	if (!svc->ready) {
		/* Fetch waits for our word; who keeps us waiting for it is bounded elsewhere. */
		if (svc == sv->front || svc->told_to_go) expect_start(sv, svc);
		return false;
	}
	if (svc->asked_ms == 0) {
		svc->asked_ms = now_ms;
		service_tell(svc, ping, NULL, 0);
		return true;
	}
	if (now_ms - svc->asked_ms >= patience_ms())
		kill_mute(svc, "a process does not answer and is killed", now_ms - svc->asked_ms);
	return false;
}

void supervisor_on_pulse(void *arg)
{
	struct supervisor *sv = arg;
	const bool front = feel(sv, sv->front, FRONT_CONTROL_PING);
	const bool fetch = feel(sv, sv->fetch, FETCH_CONTROL_PING);
	/* While one fetch follows another none can answer; these times are bounded. */
	const bool changing = sv->old_fetch != NULL || sv->upgrade.stage >= UPGRADE_PREPARED;

	if (front && (fetch || changing) && !sv->left) notify_send("WATCHDOG=1");
}

uint64_t supervisor_pulse_ms(void)
{
	const uint64_t ms = patience_ms() / 4;
	return ms < 1 ? 1 : ms > PULSE_MS ? PULSE_MS : ms;
}
