/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets from addresses as people write them; those in the file system: http/unixlistener.h.
 * Blocking only for a moment; any thread. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include "base/err.h"

enum {
	LISTENER_ADDRESS_SIZE = 136
};

/* How the connections of a listening socket begin. */
enum listener_kind {
	LISTENER_PLAIN, /* http:// or nothing: HTTP/1.1 */
	LISTENER_H2C,   /* h2c://: that, or HTTP/2 from clients that know that it is spoken */
	LISTENER_TLS,   /* https://: either of them, as the handshake agrees */
};

/* "192.0.2.1:3000", "[::1]:3000", ":3000" (every address, IPv6 and IPv4), "localhost:3000"; port 0
 * lets the system choose. reuse_port: several sockets share the port (SO_REUSEPORT), the kernel deals
 * connections out. The socket is listening, non-blocking, close-on-exec. MG_INVALID: not an
 * address; MG_UNAVAILABLE: the system refuses, the text says what to do. */
MG_CHECK enum mg_code listener_open(struct mg_span address, bool reuse_port, int *fd_out,
				    struct mg_err *err);
/* What stands behind the scheme in an address, or all of it. */
struct mg_span listener_strip_scheme(struct mg_span address, enum listener_kind *kind);
/* The address a socket is bound to, as listener_open or unixlistener_open would read it. */
void listener_address(int fd, char out[LISTENER_ADDRESS_SIZE]);

#endif
