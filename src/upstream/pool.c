/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

#define CONNECTIONS_A_HANDLE 4L

struct pool {
	pthread_mutex_t mutex;
	struct list idle; /* most recently used first */
	unsigned count, max;
};

struct pool *pool_new(unsigned max_idle)
{
	struct pool *p = check_calloc(1, sizeof *p);
	pthread_mutex_init(&p->mutex, NULL);
	list_init(&p->idle);
	p->max = max_idle;
	return p;
}

static struct pool_handle *handle_new(void)
{
	struct pool_handle *h = check_calloc(1, sizeof *h);
	list_init(&h->node);
	h->multi = curl_multi_init();
	h->easy = curl_easy_init();
	if (h->multi == NULL || h->easy == NULL) abort();
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_A_HANDLE);
	return h;
}

static void handle_free(struct pool_handle *h)
{
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	free(h);
}

static void free_all(struct list *handles)
{
	LIST_EACH_SAFE(it, handles)
	{
		handle_free(LIST_OWNER(it, struct pool_handle, node));
	}
}

void pool_free(struct pool **pp)
{
	struct pool *p = *pp;
	if (p == NULL) return;
	free_all(&p->idle);
	pthread_mutex_destroy(&p->mutex);
	free(p);
	*pp = NULL;
}

struct pool_handle *pool_take(struct pool *p, const char *origin)
{
	struct pool_handle *found = NULL;
	pthread_mutex_lock(&p->mutex);
	LIST_EACH(it, &p->idle)
	{
		struct pool_handle *h = LIST_OWNER(it, struct pool_handle, node);
		if (strcmp(h->origin, origin) == 0) {
			found = h;
			break;
		}
	}
	/* The least recently used one has the least to lose by going to another host. */
	if (found == NULL && p->count == p->max && p->max > 0)
		found = LIST_OWNER(p->idle.prev, struct pool_handle, node);
	if (found != NULL) {
		list_remove(&found->node);
		p->count--;
	}
	pthread_mutex_unlock(&p->mutex);
	return found != NULL ? found : handle_new();
}

void pool_give(struct pool *p, struct pool_handle *h, const char *origin)
{
	curl_easy_reset(h->easy);
	snprintf(h->origin, sizeof h->origin, "%s", origin);
	h->idle_since_ms = clock_mono_ms();
	pthread_mutex_lock(&p->mutex);
	bool room = p->count < p->max;
	if (room) {
		list_prepend(&p->idle, &h->node);
		p->count++;
	}
	pthread_mutex_unlock(&p->mutex);
	if (!room) handle_free(h);
}

void pool_sweep(struct pool *p, unsigned long long idle_ms)
{
	struct list old;
	list_init(&old);
	unsigned long long now_ms = clock_mono_ms();
	pthread_mutex_lock(&p->mutex);
	LIST_EACH_SAFE(it, &p->idle)
	{
		struct pool_handle *h = LIST_OWNER(it, struct pool_handle, node);
		/* It may have come back after now_ms. */
		if (now_ms < h->idle_since_ms + idle_ms) continue;
		list_remove(it);
		list_append(&old, it);
		p->count--;
	}
	pthread_mutex_unlock(&p->mutex);
	free_all(&old); /* closing TLS connections writes to them: not under the lock */
}
