/* SPDX-License-Identifier: Apache-2.0 */
/* Takes connections from the listening sockets of a server, and knows when not to: beyond the maximum
 * of connections, out of descriptors, draining. The server's loop only; for this room. */
#ifndef HTTP_ACCEPTOR_H
#define HTTP_ACCEPTOR_H

#include <stddef.h>

struct server;
struct server_listener;

/* The descriptors stay the caller's, open until acceptor_stop. Each connection goes to session_start. */
void acceptor_start(struct server *sv, const struct server_listener *listeners, size_t count);
/* Takes what waits to be accepted, once: nobody else will. */
void acceptor_take_rest(struct server *sv);
/* For good; calling it again does nothing. */
void acceptor_stop(struct server *sv);
/* After the number of connections went down. */
void acceptor_update(struct server *sv);

#endif
