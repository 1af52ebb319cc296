/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive hash map from bytes to nodes: the node carries its key, the map allocates only its
 * table. One thread at a time. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/span.h"

struct map_node {
	struct map_node *chain;
	uint64_t hash;
	struct mg_span key; /* bytes owned by the node's owner, unchanged while in the map */
};

struct map {
	struct map_node **slots;
	size_t mask;
	size_t count;
};

#define MAP_INIT ((struct map){ 0 })

void map_deinit(struct map *m); /* frees the table; nodes are their owners' */
struct map_node *map_get(const struct map *m, struct mg_span key);
struct map_node *map_get_hashed(const struct map *m, struct mg_span key, uint64_t hash);
/* node->key must be set; no node of that key may be in the map (asserted). */
void map_put(struct map *m, struct map_node *node);
void map_remove(struct map *m, struct map_node *node); /* must be in the map */
/* Visits every node; fn may remove (and free) the node it is given, nothing else. */
void map_each(struct map *m, void (*fn)(struct map_node *node, void *arg), void *arg);

#endif
