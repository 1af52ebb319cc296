/* SPDX-License-Identifier: Apache-2.0 */
#include "store/guard.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "record/metrics.h"

void guard_init(struct guard *g)
{
	*g = (struct guard){ 0 };
	pthread_mutex_init(&g->mutex, NULL);
}

void guard_deinit(struct guard *g)
{
	pthread_mutex_destroy(&g->mutex);
}

enum mg_code guard_admit(struct guard *g, uint64_t now_ms, struct mg_err *err)
{
	pthread_mutex_lock(&g->mutex);
	const uint64_t until = g->refused_until_ms;
	const int errnum = g->last_errnum;
	pthread_mutex_unlock(&g->mutex);
	if (now_ms >= until) return MG_OK;
	const unsigned wait_s = (unsigned)((until - now_ms + 999) / 1000);
	char why[64];
	err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE,
		"store: writing is refused for %u s after %d storage errors within a minute (last: "
		"%s); "
		"check the disk and the kernel log of the modgate host",
		wait_s, GUARD_ERRORS, strerror_r(errnum, why, sizeof why));
	if (err != NULL) err->retry_after_s = wait_s;
	return MG_UNAVAILABLE;
}

/* Is this the disk failing, rather than a limit that somebody can lift? */
static bool is_disk_error(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENAMETOOLONG:
	case ENOENT:
	case EEXIST:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case EMLINK:
	case EFBIG:
		return false;
	default:
		return true;
	}
}

void guard_note(struct guard *g, int errnum, uint64_t now_ms)
{
	if (!is_disk_error(errnum)) return;
	metrics_add(METRICS_STORE_FAULTS, 1);
	pthread_mutex_lock(&g->mutex);
	g->last_errnum = errnum;
	const uint64_t oldest = g->errors_ms[(g->next + 1) % GUARD_ERRORS];
	g->errors_ms[g->next] = now_ms;
	g->next = (g->next + 1) % GUARD_ERRORS;
	const bool trip =
		oldest != 0 && now_ms - oldest <= GUARD_WINDOW_MS && now_ms >= g->refused_until_ms;
	if (trip) {
		g->refused_until_ms = now_ms + GUARD_WINDOW_MS;
		memset(g->errors_ms, 0, sizeof g->errors_ms);
	}
	pthread_mutex_unlock(&g->mutex);
	if (trip) log_error("store: writes refused for 60 s", LOG_I("errno", errnum));
}
