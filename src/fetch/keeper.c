/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/keeper.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "vcs/vcs.h"

#define EVERY_S 5

struct keeper {
	struct vcs *vcs;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct cancel cancel;
};

/* False: it ends. */
static bool rest(struct keeper *k)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += EVERY_S;
	pthread_mutex_lock(&k->mutex);
	while (!cancel_is_set(&k->cancel) &&
	       pthread_cond_timedwait(&k->wake, &k->mutex, &until) == 0)
		continue;
	pthread_mutex_unlock(&k->mutex);
	return !cancel_is_set(&k->cancel);
}

static void *work(void *arg)
{
	struct keeper *k = arg;
	while (rest(k))
		vcs_sweep(k->vcs, &k->cancel);
	return NULL;
}

struct keeper *keeper_new(struct vcs *v)
{
	struct keeper *k = check_calloc(1, sizeof *k);
	pthread_condattr_t attr;
	k->vcs = v;
	cancel_init(&k->cancel);
	pthread_mutex_init(&k->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->wake, &attr);
	pthread_condattr_destroy(&attr);
	MG_ASSERT(pthread_create(&k->thread, NULL, work, k) == 0);
	return k;
}

void keeper_free(struct keeper **kp)
{
	struct keeper *k = *kp;
	*kp = NULL;
	if (k == NULL) return;
	pthread_mutex_lock(&k->mutex);
	cancel_set(&k->cancel);
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->mutex);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->mutex);
	free(k);
}
