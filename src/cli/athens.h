/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of an Athens that modgate takes over from: what its environment says, in our words. Every
 * name used is told once; what protected the old server and has no equal here yet is an error, so
 * that nobody is left without a lock they had. */
#ifndef CLI_ATHENS_H
#define CLI_ATHENS_H

#include "cli/draft.h"

/* Sets d's settings, and leaves notes, from the names found in envp. No I/O. */
void athens_apply(struct draft *d, char *const *envp);

#endif
