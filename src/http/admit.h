/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come in: decides by the server's maximum of connections and its quota a client address. The server's
 * loop only; for this room. */
#ifndef HTTP_ADMIT_H
#define HTTP_ADMIT_H

#include "http/session.h"

/* Begins a session on a fresh connection, or closes it (takes fd over). Some connections beyond the quota are
 * let in to be told so: their first request is answered 429. Connections of trusted proxies are not counted. */
void admit_connection(struct server *sv, int fd, const struct address *peer,
		      enum listener_kind kind);
/* The session is about to be freed. */
void admit_leave(struct session *s);
/* Who asks: the peer, or whom a trusted proxy names. */
void admit_client(const struct live *v, struct address *out);
/* May this request be handled? If not it was answered 429, and is gone. */
bool admit_request(struct live *v);
/* Is there room for a connection, or can be: at the maximum connections make room that keep us
 * waiting for more than a second: first those that owe the rest of a request or their first byte, then idle
 * ones. */
bool admit_has_room(const struct server *sv);
/* Makes it. False: there is none. */
bool admit_make_room(struct server *sv);

#endif
