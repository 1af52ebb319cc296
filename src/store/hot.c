/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hot.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"

#define FIRST_SLOTS 256

/* The bytes that stay are chosen by CLOCK: a hit only sets a flag in the entry it has in hand anyway,
 * the hand that looks for room clears flags and takes the first entry that had none. Entries stand in
 * the ring in the order of their arrival, so names asked for once pass through without pushing out
 * what is asked for often. */
struct entry {
	struct list ring;
	void *value;
	uint64_t expires_ms;
	size_t cost;
	bool used;
	uint32_t key_n;
	char key[];
};

/* Open addressing with linear probing: the whole hash stands in the slot, so that in nearly every
 * look-up exactly one entry is touched, the right one. */
struct slot {
	uint64_t hash;
	struct entry *entry; /* NULL: empty */
};

struct hot {
	size_t max_bytes;
	size_t bytes;
	void (*release)(void *value);
	struct slot *slots;
	size_t mask;
	size_t count;
	struct list ring; /* the hand is at its first entry */
};

struct hot *hot_new(size_t max_bytes, void (*release)(void *value))
{
	struct hot *h = check_calloc(1, sizeof *h);
	*h = (struct hot){ .max_bytes = max_bytes, .release = release, .mask = FIRST_SLOTS - 1 };
	h->slots = check_calloc(FIRST_SLOTS, sizeof *h->slots);
	list_init(&h->ring);
	return h;
}

void hot_free(struct hot **hot)
{
	struct hot *h = *hot;
	*hot = NULL;
	if (h == NULL) return;
	LIST_EACH_SAFE(it, &h->ring)
	{
		struct entry *e = LIST_OWNER(it, struct entry, ring);
		h->release(e->value);
		free(e);
	}
	free(h->slots);
	free(h);
}

/* The slot of the key, or the empty one where it would go. */
static size_t find(const struct hot *h, struct mg_span key, uint64_t hash)
{
	size_t i = hash & h->mask;
	for (;; i = (i + 1) & h->mask) {
		const struct slot *slot = &h->slots[i];
		if (slot->entry == NULL) return i;
		if (slot->hash == hash &&
		    span_eq((struct mg_span){ slot->entry->key, slot->entry->key_n }, key))
			return i;
	}
}

/* Closes the gap instead of leaving a mark, so that a table that lives for months stays as fast as a
 * new one (Knuth, The Art of Computer Programming 3, 6.4, algorithm R). */
static void empty_slot(struct hot *h, size_t gap)
{
	for (size_t i = (gap + 1) & h->mask; h->slots[i].entry != NULL; i = (i + 1) & h->mask) {
		const size_t home = h->slots[i].hash & h->mask;
		if (((i - home) & h->mask) < ((i - gap) & h->mask)) continue;
		h->slots[gap] = h->slots[i];
		gap = i;
	}
	h->slots[gap] = (struct slot){ 0 };
}

static void drop(struct hot *h, size_t at)
{
	struct entry *e = h->slots[at].entry;
	empty_slot(h, at);
	list_remove(&e->ring);
	h->bytes -= e->cost;
	h->count--;
	h->release(e->value);
	free(e);
}

static void grow(struct hot *h)
{
	struct slot *old = h->slots;
	const size_t n = h->mask + 1;
	h->slots = check_calloc(2 * n, sizeof *h->slots);
	h->mask = 2 * n - 1;
	for (size_t from = 0; from < n; from++) {
		if (old[from].entry == NULL) continue;
		size_t to = old[from].hash & h->mask;
		while (h->slots[to].entry != NULL)
			to = (to + 1) & h->mask;
		h->slots[to] = old[from];
	}
	free(old);
}

static void make_room(struct hot *h, size_t cost)
{
	while (h->max_bytes - h->bytes < cost) {
		MG_ASSERT(!list_empty(&h->ring)); /* bytes are only those of entries */
		struct entry *e = LIST_OWNER(h->ring.next, struct entry, ring);
		if (e->used) {
			e->used = false;
			list_remove(&e->ring);
			list_append(&h->ring, &e->ring);
			continue;
		}
		const struct mg_span key = { e->key, e->key_n };
		drop(h, find(h, key, span_hash(key)));
	}
}

void *hot_get(struct hot *h, struct mg_span key, uint64_t now_ms)
{
	const size_t at = find(h, key, span_hash(key));
	struct entry *e = h->slots[at].entry;
	if (e == NULL) return NULL;
	if (now_ms >= e->expires_ms) {
		drop(h, at);
		return NULL;
	}
	if (!e->used) e->used = true;
	return e->value;
}

void hot_put(struct hot *h, struct mg_span key, void *value, size_t cost, uint64_t expires_ms)
{
	MG_ASSERT(key.n <= UINT32_MAX);
	hot_remove(h, key);
	const size_t own = sizeof(struct entry) + sizeof(struct slot) + key.n;
	if (own > h->max_bytes || cost > h->max_bytes - own) {
		h->release(value);
		return;
	}
	cost += own;
	make_room(h, cost);
	if (4 * (h->count + 1) > 3 * (h->mask + 1)) grow(h);

	struct entry *e = check_malloc(sizeof *e + key.n);
	*e = (struct entry){
		.value = value, .expires_ms = expires_ms, .cost = cost, .key_n = (uint32_t)key.n
	};
	if (key.n > 0) memcpy(e->key, key.p, key.n);
	const uint64_t hash = span_hash(key);
	h->slots[find(h, key, hash)] = (struct slot){ .hash = hash, .entry = e };
	list_append(&h->ring, &e->ring);
	h->bytes += cost;
	h->count++;
}

void hot_remove(struct hot *h, struct mg_span key)
{
	const size_t at = find(h, key, span_hash(key));
	if (h->slots[at].entry != NULL) drop(h, at);
}

void hot_clear(struct hot *h)
{
	while (!list_empty(&h->ring)) {
		struct entry *e = LIST_OWNER(h->ring.next, struct entry, ring);
		const struct mg_span key = { e->key, e->key_n };
		drop(h, find(h, key, span_hash(key)));
	}
}

size_t hot_bytes(const struct hot *h)
{
	return h->bytes;
}
