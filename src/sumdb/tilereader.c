/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/tilereader.h"

#include "base/check.h"

/* The tiles of one read, parents before their children. */
struct plan {
	const struct tilereader *reader;
	uint64_t root_places[TLOG_SUBTREE_MAX]; /* what the tree's root is made of */
	size_t root_tile[TLOG_SUBTREE_MAX];     /* in which tile that is */
	size_t roots;
	size_t edge; /* the first tiles, up to here, are those of the tree's right edge */
	size_t *place_tile;
	struct tile *tiles;
	struct mg_span *bodies;
	size_t n, cap;
};

#define NOT_PLANNED SIZE_MAX

static size_t find(const struct plan *p, const struct tile *t)
{
	for (size_t i = p->n; i > 0; i--)
		if (tile_eq(&p->tiles[i - 1], t)) return i - 1;
	return NOT_PLANNED;
}

static size_t add(struct plan *p, const struct tile *t)
{
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 16 : 2 * p->cap;
		struct tile *tiles = arena_alloc(p->reader->arena, cap * sizeof *tiles);
		if (p->n > 0) memcpy(tiles, p->tiles, p->n * sizeof *tiles);
		p->tiles = tiles;
		p->cap = cap;
	}
	p->tiles[p->n] = *t;
	return p->n++;
}

/* The tile that tells the hash at a place, as wide as the tree has it. */
static struct tile tile_at(const struct plan *p, uint64_t place)
{
	uint32_t begin, count;
	unsigned height = p->reader->height;
	struct tile t = tile_of_index(height, place, &begin, &count);
	bool there = tile_in_tree(height, t.level, t.number, p->reader->tree.size, &t);
	MG_ASSERT(there); /* the place is inside the tree */
	return t;
}

/* The tile k levels up that tells the root of t, if the tree has one there. */
static bool ancestor(const struct plan *p, const struct tile *t, unsigned k, struct tile *out)
{
	uint64_t number = k * t->height > 63 ? 0 : t->number >> k * t->height;
	return tile_in_tree(t->height, t->level + (int)k, number, p->reader->tree.size, out);
}

/* The tiles from which the root follows: all their hashes go into it. */
static void plan_edge(struct plan *p)
{
	p->roots = tlog_subtrees(0, p->reader->tree.size, p->root_places);
	for (size_t i = 0; i < p->roots; i++) {
		struct tile t = tile_at(p, p->root_places[i]);
		size_t at = find(p, &t);
		p->root_tile[i] = at != NOT_PLANNED ? at : add(p, &t);
	}
	p->edge = p->n;
}

/* The tile of a place, and above it those that lead to a planned one. */
static size_t plan_place(struct plan *p, uint64_t place)
{
	struct tile own = tile_at(p, place), t = own;
	unsigned up = 0;
	size_t at = find(p, &own);
	if (at != NOT_PLANNED) return at;
	do {
		/* What is not on the edge is full, so it has a parent; the topmost tile is on it. */
		bool there = ancestor(p, &own, ++up, &t);
		MG_ASSERT(there && up <= TILE_LEVEL_MAX);
	} while (find(p, &t) == NOT_PLANNED);
	while (up-- > 0) {
		bool there = ancestor(p, &own, up, &t);
		MG_ASSERT(there && tile_is_full(&t));
		at = add(p, &t);
	}
	return at;
}

static enum mg_code inconsistent(const struct plan *p, struct mg_err *err)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
		       "tiles of the checksum database do not add up to its signed tree of %llu "
		       "records",
		       (unsigned long long)p->reader->tree.size);
}

static const struct tlog_hash *hashes_of(const struct plan *p, size_t i)
{
	/* struct tlog_hash is an array of bytes: any address is aligned. */
	return (const struct tlog_hash *)(const void *)p->bodies[i].p;
}

static enum mg_code read_bodies(struct plan *p, struct mg_err *err)
{
	const struct tilereader *r = p->reader;
	p->bodies = arena_alloc(r->arena, p->n * sizeof *p->bodies);
	enum mg_code rc = r->read(r->arg, p->tiles, p->n, p->bodies, err);
	if (rc != MG_OK) return rc;
	for (size_t i = 0; i < p->n; i++)
		if (p->bodies[i].n != p->tiles[i].width * sizeof(struct tlog_hash))
			return err_set(err, MG_CORRUPT, MG_CAUSE_PROOF,
				       "a tile of the checksum database has %zu bytes, not %zu",
				       p->bodies[i].n,
				       p->tiles[i].width * sizeof(struct tlog_hash));
	return MG_OK;
}

static enum mg_code prove_edge(const struct plan *p, struct mg_err *err)
{
	struct tlog_hash parts[TLOG_SUBTREE_MAX];
	for (size_t i = 0; i < p->roots; i++) {
		size_t at = p->root_tile[i];
		bool there =
			tile_hash(&p->tiles[at], hashes_of(p, at), p->root_places[i], &parts[i]);
		MG_ASSERT(there);
	}
	struct tlog_hash root = tlog_fold(parts, p->roots);
	return tlog_hash_eq(&root, &p->reader->tree.root) ? MG_OK : inconsistent(p, err);
}

/* Each tile off the edge against the hash of it in its parent, which stands before it. */
static enum mg_code prove_others(const struct plan *p, struct mg_err *err)
{
	for (size_t i = p->edge; i < p->n; i++) {
		const struct tile *t = &p->tiles[i];
		struct tile parent;
		bool there = ancestor(p, t, 1, &parent);
		MG_ASSERT(there);
		size_t above = find(p, &parent);
		MG_ASSERT(above < i);
		struct tlog_hash want, got = tlog_perfect_root(hashes_of(p, i), t->width);
		uint64_t place = tlog_index((unsigned)parent.level * t->height, t->number);
		there = tile_hash(&parent, hashes_of(p, above), place, &want);
		MG_ASSERT(there);
		if (!tlog_hash_eq(&want, &got)) return inconsistent(p, err);
	}
	return MG_OK;
}

enum mg_code tilereader_read(void *tilereader, const uint64_t *places, size_t n,
			     struct tlog_hash *out, struct mg_err *err)
{
	const struct tilereader *r = tilereader;
	struct plan plan = { .reader = r };
	if (n == 0) return MG_OK;
	MG_ASSERT(r->tree.size <= TLOG_SIZE_MAX);
	for (size_t i = 0; i < n; i++)
		if (places[i] >= tlog_stored(r->tree.size))
			return err_set(err, MG_INVALID, MG_CAUSE_PROOF,
				       "a tree of %llu records has no such hash",
				       (unsigned long long)r->tree.size);
	plan_edge(&plan);
	plan.place_tile = arena_alloc(r->arena, n * sizeof *plan.place_tile);
	for (size_t i = 0; i < n; i++)
		plan.place_tile[i] = plan_place(&plan, places[i]);

	enum mg_code rc = read_bodies(&plan, err);
	if (rc == MG_OK) rc = prove_edge(&plan, err);
	if (rc == MG_OK) rc = prove_others(&plan, err);
	if (rc == MG_OK) rc = r->save(r->arg, plan.tiles, plan.n, plan.bodies, err);
	if (rc != MG_OK) return rc;

	for (size_t i = 0; i < n; i++) {
		size_t at = plan.place_tile[i];
		bool there = tile_hash(&plan.tiles[at], hashes_of(&plan, at), places[i], &out[i]);
		MG_ASSERT(there);
	}
	return MG_OK;
}
