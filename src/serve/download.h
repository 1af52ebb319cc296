/* SPDX-License-Identifier: Apache-2.0 */
/* A zip that fetch is still getting, sent as it comes to any number of askers (TICKET_STREAM): up to the
 * watermark, and whole once fetch says that it is proven and stored. Loop thread only. */
#ifndef SERVE_DOWNLOAD_H
#define SERVE_DOWNLOAD_H

#include "http/exchange.h"

struct download;

/* fds as in TICKET_STREAM, taken over (set to -1). NULL: they are not what they should be. on_idle is
 * called when no answer is sent from it any more, also from inside of download_send. */
struct download *download_new(uint64_t size, int *fds, void (*on_idle)(void *arg), void *arg);
/* Is it an answer to this request? Not to conditions, which hang on the hash; nor to ranges, as a part would
 * be complete before the whole is proven; nor to HEAD, which has nothing to wait for but the outcome. */
bool download_suits(const struct head *h);
void download_send(struct download *d, struct exchange *x);
bool download_busy(const struct download *d); /* is anything sent from it? */
/* The watermark has changed. False: it was cut. */
bool download_refresh(struct download *d);
/* Lets go of it: what is sent from it is sent to its end (good: what is stored now is proven, and this is the same
 * unless the watermark says that it was cut), or cut. on_idle is not called any more. */
void download_end(struct download **d, bool good);

#endif
