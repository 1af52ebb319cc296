/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a peer takes what it is sent: what its system has acknowledged counts, not what ours took into its
 * buffers. For this room; the server's loop. */
#ifndef HTTP_PACE_H
#define HTTP_PACE_H

#include "http/session.h"

/* The peer is to take bytes (SESSION_WRITE), and fast enough from now on. */
void pace_begin(struct session *s);
/* The time for it is over: did it take enough? Then it begins anew. */
bool pace_kept(struct session *s);

#endif
