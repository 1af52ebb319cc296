/* SPDX-License-Identifier: Apache-2.0 */
/* POST /hooks/KIND: what a git server tells of a push is handed to fetch (fetch/hook.h) as it is; nothing of its
 * body is looked at here. The loop's thread. */
#ifndef SERVE_HOOKROUTE_H
#define SERVE_HOOKROUTE_H

#include "serve/worker.h"

/* For server_options. */
bool hookroute_takes_body(const struct head *head);
/* False: it is no path of a hook that is taken. */
bool hookroute(struct worker *w, struct exchange *x);
/* Those under way are dropped. */
void hookroute_free(struct worker *w);

#endif
