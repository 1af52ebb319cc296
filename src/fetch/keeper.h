/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the mirrors of repositories in order, in the background: a thread that calls vcs_sweep. */
#ifndef FETCH_KEEPER_H
#define FETCH_KEEPER_H

struct keeper;
struct vcs;

/* v outlives it. */
struct keeper *keeper_new(struct vcs *v);
void keeper_free(struct keeper **k); /* cancels what is under way and waits for it */

#endif
