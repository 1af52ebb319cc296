/* SPDX-License-Identifier: Apache-2.0 */
/* Takes connections from the listening sockets of a server, and knows when not to. */
#ifndef HTTP_ACCEPTOR_H
#define HTTP_ACCEPTOR_H

#include <stddef.h>

struct server;

void acceptor_start(struct server *sv, const int *fds, size_t count);
void acceptor_stop(struct server *sv);
/* After the number of connections went down. */
void acceptor_update(struct server *sv);

#endif
