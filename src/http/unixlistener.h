/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets in the file system: "unix:/run/modgate/http.sock". Blocking only for a moment; any
 * thread. */
#ifndef HTTP_UNIXLISTENER_H
#define HTTP_UNIXLISTENER_H

#include <sys/stat.h>

#include "base/err.h"

struct unixlistener {
	dev_t device; /* of the name in the file system, so that only our own is removed */
	ino_t inode;
};

/* Is it such an address, with an absolute path that a socket may have? */
bool unixlistener_is(struct mg_span address);
/* Opens it: listening, non-blocking, close-on-exec; only our own user may connect. A socket on which nobody
 * listens any more is replaced.
 * MG_INVALID: not such an address; MG_UNAVAILABLE: somebody listens there, or what stands there is no
 * socket, or the system refuses. */
MG_CHECK enum mg_code unixlistener_open(struct mg_span address, struct unixlistener *out,
					int *fd_out, struct mg_err *err);
/* Lets others connect, as chmod(2) and chown(2) have it (-1: stays). */
MG_CHECK enum mg_code unixlistener_share(struct mg_span address, mode_t mode, uid_t uid, gid_t gid,
					 struct mg_err *err);
/* Takes the name away, if it is the one that unixlistener_open made. */
void unixlistener_remove(struct mg_span address, const struct unixlistener *l);

#endif
