/* SPDX-License-Identifier: Apache-2.0 */
/* A stream socket under a name in a folder, for its own user and root: how commands reach the processes that
 * work on a store. Blocks only for a moment; any thread. Unlike the name of an address that clients are
 * served on (http/unixlistener), this one is taken from whoever had it before. */
#ifndef LOOP_NAMEDSOCKET_H
#define LOOP_NAMEDSOCKET_H

#include <stdbool.h>
#include <sys/types.h>

struct namedsocket {
	int fd;       /* listening, non-blocking, close-on-exec; the caller's */
	dev_t device; /* of the name that was made, so that a successor's is left alone */
	ino_t inode;
};

/* A socket that stands there is replaced, anything else is in the way. False with errno. The folder's path may be
 * longer than a socket's address. */
bool namedsocket_listen(const char *folder, const char *name, struct namedsocket *out);
/* A connection (blocking) to who listens there, or -1 with errno: nobody does. */
int namedsocket_connect(const char *folder, const char *name);
/* Takes the name away, unless another has replaced it. The descriptor stays open. */
void namedsocket_remove(const char *folder, const char *name, const struct namedsocket *s);

#endif
