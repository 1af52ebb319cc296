/* SPDX-License-Identifier: Apache-2.0 */
/* Stops writing to a disk that keeps failing: three storage errors within 60 s and writes are refused
 * for the 60 s that follow. A full disk is no such error: it works again the moment there is space.
 * Any thread. */
#ifndef STORE_GUARD_H
#define STORE_GUARD_H

#include "base/err.h"

#include <pthread.h>

#define GUARD_ERRORS    3
#define GUARD_WINDOW_MS 60000

struct guard {
	pthread_mutex_t mutex;
	uint64_t errors_ms[GUARD_ERRORS]; /* when the last ones came; 0: none */
	unsigned next;
	uint64_t refused_until_ms;
	int last_errnum;
};

void guard_init(struct guard *g);
void guard_deinit(struct guard *g);
/* MG_UNAVAILABLE with the time to wait while writes are refused. */
MG_CHECK enum mg_code guard_admit(struct guard *g, uint64_t now_ms, struct mg_err *err);
/* Notes the outcome of a failed operation. */
void guard_note(struct guard *g, int errnum, uint64_t now_ms);

#endif
