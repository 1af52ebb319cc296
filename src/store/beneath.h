/* SPDX-License-Identifier: Apache-2.0 */
/* Opening names below one folder without ever leaving it: no "..", no symbolic link anywhere in the
 * path. openat2(2) where the kernel has it, a walk over the parts where it has not. Any thread. */
#ifndef STORE_BENEATH_H
#define STORE_BENEATH_H

#include <stdatomic.h>
#include <stdbool.h>

struct beneath {
	int root;               /* the caller's descriptor of the folder */
	atomic_bool no_openat2; /* learnt: kernel older than 5.6, or a sandbox that refuses it */
	atomic_bool no_cached;  /* learnt: older than 5.12 */
};

void beneath_init(struct beneath *b, int root);
/* Opens an existing file or folder with the given O_ flags. may_block false: -EAGAIN unless the whole
 * path is in the kernel's name cache, absence included. Returns a descriptor or a negative errno:
 * -ELOOP for a symbolic link, -ENOTDIR when a part on the way is no folder, -ENXIO and the like for
 * special files. A FIFO never blocks it (O_NONBLOCK is always set). */
int beneath_open(struct beneath *b, const char *path, int flags, bool may_block);

#endif
