/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: a log's hashes cut into pieces of a fixed height, which never change once full (protocol §6.7).
 * Tile `number` of level l holds the hashes number * 2^height … of the tree's level l * height, from
 * which the height - 1 levels above them follow. Any thread. */
#ifndef SUMDB_TILE_H
#define SUMDB_TILE_H

#include "base/buf.h"
#include "sumdb/tlog.h"

#define TILE_HEIGHT_MAX 30
#define TILE_LEVEL_MAX  63
#define TILE_LEVEL_DATA (-1) /* holds the records themselves */
#define TILE_PATH_MAX   80   /* bytes of a path */

struct tile {
	unsigned height; /* 1 … TILE_HEIGHT_MAX */
	int level;
	uint64_t number;
	uint32_t width; /* hashes: 1 … 2^height; less than that is a partial tile */
};

static inline uint32_t tile_full_width(unsigned height)
{
	return UINT32_C(1) << height;
}

static inline bool tile_is_full(const struct tile *t)
{
	return t->width == tile_full_width(t->height);
}

static inline bool tile_eq(const struct tile *a, const struct tile *b)
{
	return a->height == b->height && a->level == b->level && a->number == b->number &&
	       a->width == b->width;
}

/* "tile/8/0/x001/x234/067.p/5"; only the spelling that tile_print gives. False otherwise. */
bool tile_parse(struct mg_span path, struct tile *out);
void tile_print(const struct tile *t, struct mg_buf *out);
/* A tile as wide as it is in a tree of that many records. False when that tree has none of it. */
bool tile_in_tree(unsigned height, int level, uint64_t number, uint64_t size, struct tile *out);
/* The narrowest tile that tells the hash stored at a place, and which of its hashes that one is the
 * root of: `count` (a power of two) from `begin` on. */
struct tile tile_of_index(unsigned height, uint64_t index, uint32_t *begin, uint32_t *count);
/* The hash stored at a place, out of a tile with its body (width hashes, asserted). False when the tile
 * does not tell it. */
bool tile_hash(const struct tile *t, const struct tlog_hash *body, uint64_t index,
	       struct tlog_hash *out);

#endif
