/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

#include "base/check.h"

#define MAP_FIRST_SLOTS 16

void map_deinit(struct map *m)
{
	free(m->slots);
	*m = MAP_INIT;
}

struct map_node *map_get_hashed(const struct map *m, struct mg_span key, uint64_t hash)
{
	if (m->slots == NULL) return NULL;
	struct map_node *node = m->slots[hash & m->mask];
	while (node != NULL && (node->hash != hash || !span_eq(node->key, key)))
		node = node->chain;
	return node;
}

struct map_node *map_get(const struct map *m, struct mg_span key)
{
	return map_get_hashed(m, key, span_hash(key));
}

static void resize(struct map *m, size_t slots)
{
	struct map_node **to = check_calloc(slots, sizeof *to);
	for (size_t i = 0; m->slots != NULL && i <= m->mask; i++) {
		struct map_node *next;
		for (struct map_node *node = m->slots[i]; node != NULL; node = next) {
			next = node->chain;
			node->chain = to[node->hash & (slots - 1)];
			to[node->hash & (slots - 1)] = node;
		}
	}
	free(m->slots);
	m->slots = to;
	m->mask = slots - 1;
}

void map_put(struct map *m, struct map_node *node)
{
	if (m->slots == NULL)
		resize(m, MAP_FIRST_SLOTS);
	else if (m->count > m->mask)
		resize(m, 2 * (m->mask + 1));
	node->hash = span_hash(node->key);
	MG_ASSERT(map_get_hashed(m, node->key, node->hash) == NULL);
	node->chain = m->slots[node->hash & m->mask];
	m->slots[node->hash & m->mask] = node;
	m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
	MG_ASSERT(m->slots != NULL);
	struct map_node **at = &m->slots[node->hash & m->mask];
	while (*at != node) {
		MG_ASSERT(*at != NULL);
		at = &(*at)->chain;
	}
	*at = node->chain;
	node->chain = NULL;
	m->count--;
}

void map_each(struct map *m, void (*fn)(struct map_node *node, void *arg), void *arg)
{
	for (size_t i = 0; m->slots != NULL && i <= m->mask; i++) {
		struct map_node *next;
		for (struct map_node *node = m->slots[i]; node != NULL; node = next) {
			next = node->chain;
			fn(node, arg);
		}
	}
}
