/* SPDX-License-Identifier: Apache-2.0 */
#include "http/quota.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"

#define STRIPES  16
#define KEY_SIZE 9
/* Tokens are kept in thousandths, so that a rate a second fills by whole numbers a millisecond. */
#define TOKEN 1000

struct visitor {
	struct map_node node;
	struct list idle; /* in its stripe while it has no connection */
	uint8_t key[KEY_SIZE];
	uint32_t connections;
	uint64_t tokens;
	uint64_t filled_ms; /* when tokens was right */
};

/* Addresses are spread over these, so that loops seldom wait for each other. */
struct stripe {
	pthread_mutex_t mutex;
	struct map visitors;
	struct list idle; /* those longest without a connection or request first */
	size_t idle_count;
} __attribute__((aligned(64)));

struct quota {
	struct quota_options options;
	struct stripe stripes[STRIPES];
};

struct quota *quota_new(const struct quota_options *options)
{
	struct quota *q = aligned_alloc(64, sizeof *q);

	MG_ASSERT(q != NULL);
	*q = (struct quota){ .options = *options };
	if (q->options.burst == 0) q->options.burst = 1;
	for (size_t i = 0; i < STRIPES; i++) {
		pthread_mutex_init(&q->stripes[i].mutex, NULL);
		list_init(&q->stripes[i].idle);
	}
	return q;
}

static void free_node(struct map_node *node, void *arg)
{
	free(LIST_OWNER(node, struct visitor, node));
}

void quota_free(struct quota **qp)
{
	struct quota *q = *qp;

	if (q == NULL) return;
	*qp = NULL;
	for (size_t i = 0; i < STRIPES; i++) {
		map_each(&q->stripes[i].visitors, free_node, NULL);
		map_deinit(&q->stripes[i].visitors);
		pthread_mutex_destroy(&q->stripes[i].mutex);
	}
	free(q);
}

static void key_of(const struct address *a, uint8_t key[KEY_SIZE])
{
	key[0] = a->family == AF_INET ? 4 : 6;
	memset(key + 1, 0, KEY_SIZE - 1);
	if (a->family == AF_INET)
		memcpy(key + 1, a->ip + 12, 4);
	else
		memcpy(key + 1, a->ip, 8);
}

/* Locked. */
static struct stripe *stripe_of(struct quota *q, struct mg_span key)
{
	/* The upper bits: a stripe's map goes by the lower ones. */
	struct stripe *s = &q->stripes[span_hash(key) >> 32 & (STRIPES - 1)];

	pthread_mutex_lock(&s->mutex);
	return s;
}

static struct visitor *find(struct stripe *s, struct mg_span key)
{
	struct map_node *node = map_get(&s->visitors, key);

	return node == NULL ? NULL : LIST_OWNER(node, struct visitor, node);
}

static void forget(struct stripe *s, struct visitor *v)
{
	s->idle_count--;
	list_remove(&v->idle);
	map_remove(&s->visitors, &v->node);
	free(v);
}

/* Newly come, with no connection and all of its requests. */
static struct visitor *meet(struct quota *q, struct stripe *s, struct mg_span key)
{
	struct visitor *v = check_calloc(1, sizeof *v);

	if (s->idle_count >= QUOTA_IDLE_MAX / STRIPES)
		forget(s, LIST_OWNER(list_first(&s->idle), struct visitor, idle));
	memcpy(v->key, key.p, KEY_SIZE);
	v->node.key = span_make((const char *)v->key, KEY_SIZE);
	v->tokens = (uint64_t)q->options.burst * TOKEN;
	map_put(&s->visitors, &v->node);
	list_append(&s->idle, &v->idle);
	s->idle_count++;
	return v;
}

bool quota_enter(struct quota *q, const struct address *a)
{
	uint8_t bytes[KEY_SIZE];

	if (q->options.connections == 0 || a->family == 0) return true;
	key_of(a, bytes);
	const struct mg_span key = span_make((const char *)bytes, KEY_SIZE);
	struct stripe *s = stripe_of(q, key);
	struct visitor *v = find(s, key);
	if (v == NULL) v = meet(q, s, key);
	const bool ok = v->connections < q->options.connections;
	if (ok && v->connections++ == 0) {
		list_remove(&v->idle);
		s->idle_count--;
	}
	pthread_mutex_unlock(&s->mutex);
	return ok;
}

void quota_leave(struct quota *q, const struct address *a)
{
	uint8_t bytes[KEY_SIZE];

	if (q->options.connections == 0 || a->family == 0) return;
	key_of(a, bytes);
	const struct mg_span key = span_make((const char *)bytes, KEY_SIZE);
	struct stripe *s = stripe_of(q, key);
	struct visitor *v = find(s, key);
	MG_ASSERT(v != NULL && v->connections > 0);
	if (--v->connections == 0) {
		list_append(&s->idle, &v->idle);
		s->idle_count++;
		/* Who has used no requests is as good as a stranger. */
		if (q->options.requests == 0) forget(s, v);
	}
	if (s->idle_count > QUOTA_IDLE_MAX / STRIPES)
		forget(s, LIST_OWNER(list_first(&s->idle), struct visitor, idle));
	pthread_mutex_unlock(&s->mutex);
}

static void fill(const struct quota *q, struct visitor *v, uint64_t now_ms)
{
	const uint64_t full = (uint64_t)q->options.burst * TOKEN;
	const uint64_t ms = now_ms > v->filled_ms ? now_ms - v->filled_ms : 0;

	/* After so long it is full, and the product may not fit. */
	if (ms >= full / q->options.requests + 1)
		v->tokens = full;
	else
		v->tokens += ms * q->options.requests;
	if (v->tokens > full) v->tokens = full;
	if (now_ms > v->filled_ms) v->filled_ms = now_ms;
}

bool quota_request(struct quota *q, const struct address *a, uint64_t now_ms,
		   uint32_t *retry_after_s)
{
	uint8_t bytes[KEY_SIZE];

	if (q->options.requests == 0 || a->family == 0) return true;
	key_of(a, bytes);
	const struct mg_span key = span_make((const char *)bytes, KEY_SIZE);
	struct stripe *s = stripe_of(q, key);
	struct visitor *v = find(s, key);
	if (v == NULL) v = meet(q, s, key);
	fill(q, v, now_ms);
	const bool ok = v->tokens >= TOKEN;
	if (ok) {
		v->tokens -= TOKEN;
	} else {
		const uint64_t a_second = (uint64_t)q->options.requests * 1000;
		*retry_after_s = (uint32_t)((TOKEN - v->tokens + a_second - 1) / a_second);
	}
	if (v->connections == 0) {
		list_remove(&v->idle);
		list_append(&s->idle, &v->idle);
	}
	pthread_mutex_unlock(&s->mutex);
	return ok;
}

bool quota_limits_requests(const struct quota *q)
{
	return q->options.requests > 0;
}

size_t quota_addresses(struct quota *q)
{
	size_t n = 0;

	for (size_t i = 0; i < STRIPES; i++) {
		pthread_mutex_lock(&q->stripes[i].mutex);
		n += q->stripes[i].visitors.count;
		pthread_mutex_unlock(&q->stripes[i].mutex);
	}
	return n;
}
