/* SPDX-License-Identifier: Apache-2.0 */
/* A webhook, from its body to the repositories that are refreshed. Internal to fetch. */
#ifndef FETCH_PUSH_H
#define FETCH_PUSH_H

#include "fetch/job.h"

/* Runs a job of TICKET_HOOK: MG_DENIED when the secret is not ours, MG_INVALID when the body tells of no repository,
 * MG_NOT_FOUND when no such hooks are taken, MG_UNAVAILABLE when the secret cannot be read, which is done anew each time. Lane thread. */
void push_run(struct job *j);

#endif
