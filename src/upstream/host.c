/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"
#include "record/metrics.h"

/* Hosts in trouble are remembered; redirects can name any number of them. */
#define TROUBLED_MAX   1024
#define CANCEL_POLL_MS 100

struct host {
	struct map_node node;
	char *origin;
	uint32_t users; /* permits held and callers waiting: keeps the entry */
	uint32_t running;
	struct breaker breaker;
	pthread_cond_t freed;
	enum mg_cause cause; /* of the last failure */
	char why[MG_ERR_TEXT];
};

struct host_table {
	struct host_limits limits;
	pthread_mutex_t mutex; /* over everything below */
	struct map hosts;
};

struct host_table *host_table_new(const struct host_limits *limits)
{
	MG_ASSERT(limits->per_host > 0);
	struct host_table *t = check_calloc(1, sizeof *t);
	t->limits = *limits;
	pthread_mutex_init(&t->mutex, NULL);
	t->hosts = MAP_INIT;
	return t;
}

static void host_free(struct host *h)
{
	pthread_cond_destroy(&h->freed);
	free(h->origin);
	free(h);
}

static void free_node(struct map_node *node, void *arg)
{
	struct host_table *t = arg;
	struct host *h = (struct host *)(void *)node;
	MG_ASSERT(h->users == 0);
	map_remove(&t->hosts, node);
	host_free(h);
}

void host_table_free(struct host_table **tp)
{
	struct host_table *t = *tp;
	if (t == NULL) return;
	map_each(&t->hosts, free_node, t);
	map_deinit(&t->hosts);
	pthread_mutex_destroy(&t->mutex);
	free(t);
	*tp = NULL;
}

static struct host *find(struct host_table *t, const char *origin)
{
	struct map_node *node = map_get(&t->hosts, span_of(origin));
	if (node != NULL) return (struct host *)(void *)node;
	struct host *h = check_calloc(1, sizeof *h);
	h->origin = check_strndup(origin, strlen(origin));
	h->node.key = span_of(h->origin);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->freed, &attr);
	pthread_condattr_destroy(&attr);
	map_put(&t->hosts, &h->node);
	return h;
}

static void put_back(struct host_table *t, struct host *h)
{
	if (--h->users > 0) return;
	if (!breaker_is_idle(&h->breaker) && t->hosts.count <= TROUBLED_MAX) return;
	map_remove(&t->hosts, &h->node);
	host_free(h);
}

static void wait_until(struct host *h, pthread_mutex_t *mutex, uint64_t deadline_ms)
{
	uint64_t until = clock_mono_ms() + CANCEL_POLL_MS;
	if (until > deadline_ms) until = deadline_ms;
	const struct timespec ts = { .tv_sec = (time_t)(until / 1000),
				     .tv_nsec = (long)(until % 1000) * 1000000 };
	pthread_cond_timedwait(&h->freed, mutex, &ts);
}

static enum mg_code turned_away(const struct host *h, const char *label, uint64_t now_ms,
				struct mg_err *err)
{
	uint64_t left_ms = h->breaker.open_until > now_ms ? h->breaker.open_until - now_ms : 0;
	enum mg_code rc = err_set(
		err, MG_UNAVAILABLE, h->cause,
		"%s is not asked for another %u s after %u failures in a row, the last: %s", label,
		(unsigned)(left_ms / 1000 + 1), (unsigned)h->breaker.in_a_row, h->why);
	if (err != NULL) err->retry_after_s = (uint32_t)(left_ms / 1000 + 1);
	return rc;
}

static enum mg_code wait_for_room(struct host_table *t, struct host *h, const char *label,
				  const struct cancel *cancel, struct mg_err *err)
{
	uint64_t deadline_ms = clock_mono_ms() + t->limits.queue_ms;
	while (h->running >= t->limits.per_host && !breaker_is_open(&h->breaker, clock_mono_ms())) {
		if (cancel_is_set(cancel))
			return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "nobody waits any more");
		if (clock_mono_ms() >= deadline_ms) {
			enum mg_code rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_NONE,
						  "%s: %u transfers run and none ended within %u s",
						  label, (unsigned)t->limits.per_host,
						  (unsigned)(t->limits.queue_ms / 1000));
			if (err != NULL) err->retry_after_s = 1;
			return rc;
		}
		wait_until(h, &t->mutex, deadline_ms);
	}
	return MG_OK;
}

enum mg_code host_enter(struct host_table *t, const char *origin, const char *label,
			const struct cancel *cancel, struct host_permit *out, struct mg_err *err)
{
	pthread_mutex_lock(&t->mutex);
	struct host *h = find(t, origin);
	h->users++;
	enum mg_code rc = wait_for_room(t, h, label, cancel, err);
	if (rc == MG_OK) {
		uint64_t now_ms = clock_mono_ms();
		out->pass = breaker_ask(&h->breaker, now_ms);
		if (out->pass == BREAKER_STOP) rc = turned_away(h, label, now_ms, err);
	}
	if (rc == MG_OK) {
		h->running++;
		out->host = h;
		out->label = label;
	} else {
		/* The wake-up that brought us here may have been meant for the next in line. */
		pthread_cond_signal(&h->freed);
		put_back(t, h);
	}
	pthread_mutex_unlock(&t->mutex);
	return rc;
}

void host_leave(struct host_table *t, struct host_permit *permit, enum host_outcome outcome,
		const struct mg_err *why)
{
	struct host *h = permit->host;
	if (h == NULL) return;
	pthread_mutex_lock(&t->mutex);
	const bool was_open = h->breaker.open_until != 0;
	h->running--;
	if (outcome == HOST_ALIVE) {
		breaker_success(&h->breaker);
	} else if (outcome == HOST_FAILED) {
		breaker_failure(&h->breaker, permit->pass, clock_mono_ms(),
				t->limits.breaker_failures, t->limits.breaker_open_ms);
		h->cause = why->cause;
		memcpy(h->why, why->text, sizeof h->why);
	} else {
		breaker_neutral(&h->breaker, permit->pass);
	}
	const bool open = h->breaker.open_until != 0;
	if (open != was_open) metrics_breaker(permit->label, open);
	pthread_cond_signal(&h->freed);
	put_back(t, h);
	pthread_mutex_unlock(&t->mutex);
	permit->host = NULL;
}
