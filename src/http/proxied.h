/* SPDX-License-Identifier: Apache-2.0 */
/* Connections from load balancers that must say first whose they are (the PROXY protocol): held until the
 * header is there, and then admitted under the address that it tells. The server's loop only; for this
 * room. */
#ifndef HTTP_PROXIED_H
#define HTTP_PROXIED_H

#include "http/address.h"
#include "http/listener.h"

struct server;

/* Must connections from that peer begin with a header? */
bool proxied_is_due(const struct server *sv, const struct address *peer);
/* Takes fd over. kind: how it goes on. */
void proxied_start(struct server *sv, int fd, const struct address *peer, enum listener_kind kind);
/* Ends those that have waited for longer than a head may take. */
void proxied_expire(struct server *sv);
void proxied_cut_all(struct server *sv);

#endif
