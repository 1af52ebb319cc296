/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/ticketkeys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/random.h"
#include "crypto/wipe.h"

struct ticketkeys {
	pthread_mutex_t lock;
	uint64_t period_ms;
	uint64_t until_ms; /* of keys[0]'s sealing */
	bool started;
	struct ticketkeys_key keys[2]; /* the one that seals, the one before */
	bool before;                   /* keys[1] is one */
};

struct ticketkeys *ticketkeys_new(uint64_t period_ms)
{
	struct ticketkeys *t = check_calloc(1, sizeof *t);

	MG_ASSERT(pthread_mutex_init(&t->lock, NULL) == 0);
	t->period_ms = period_ms;
	return t;
}

void ticketkeys_free(struct ticketkeys **tp)
{
	struct ticketkeys *t = *tp;

	if (t == NULL) return;
	*tp = NULL;
	pthread_mutex_destroy(&t->lock);
	wipe_bytes(t, sizeof *t);
	free(t);
}

void ticketkeys_forget(struct ticketkeys *t)
{
	pthread_mutex_lock(&t->lock);
	t->started = false;
	wipe_bytes(t->keys, sizeof t->keys);
	pthread_mutex_unlock(&t->lock);
}

/* Nothing runs by itself: who comes first after a period is over changes the keys. */
static void settle(struct ticketkeys *t, uint64_t now_ms)
{
	if (t->started && now_ms < t->until_ms) return;
	/* After a pause of two periods the last key is too old to be the one before. */
	t->before = t->started && now_ms - t->until_ms < t->period_ms;
	t->keys[1] = t->keys[0];
	t->until_ms = t->before ? t->until_ms + t->period_ms : now_ms + t->period_ms;
	t->started = true;
	random_bytes(&t->keys[0], sizeof t->keys[0]);
}

void ticketkeys_seal(struct ticketkeys *t, uint64_t now_ms, struct ticketkeys_key *out)
{
	pthread_mutex_lock(&t->lock);
	settle(t, now_ms);
	*out = t->keys[0];
	pthread_mutex_unlock(&t->lock);
}

bool ticketkeys_open(struct ticketkeys *t, uint64_t now_ms,
		     const uint8_t name[TICKETKEYS_NAME_SIZE], struct ticketkeys_key *out,
		     bool *old)
{
	bool found = false;

	pthread_mutex_lock(&t->lock);
	settle(t, now_ms);
	for (int i = 0; i < (t->before ? 2 : 1) && !found; i++) {
		found = memcmp(t->keys[i].name, name, TICKETKEYS_NAME_SIZE) == 0;
		if (!found) continue;
		*out = t->keys[i];
		*old = i == 1;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}
