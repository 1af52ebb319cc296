/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to /metrics. */
#ifndef SERVE_SCRAPE_H
#define SERVE_SCRAPE_H

#include "http/reply.h"
#include "loop/lane.h"

/* fs: front's lane, whose queue is told too. One reference, the caller's. */
struct reply *scrape_reply(bool athens, struct lane *fs);

#endif
