/* SPDX-License-Identifier: Apache-2.0 */
/* The tiles of one call of the client: read from its cache, else from the database, held until they are
 * proven and then stored. One thread. */
#ifndef SUMDB_TILEHOLD_H
#define SUMDB_TILEHOLD_H

#include "sumdb/sumclient.h"

struct tilehold_tile {
	struct tile tile;
	struct mg_span body;
	bool fetched; /* not from the cache */
	bool proven;
};

struct tilehold {
	const struct sumclient *client;
	struct arena *arena; /* of tiles and bodies */
	bool no_cache;       /* what is cached has proven nothing: fetch everything */
	bool used_cache;
	struct tilehold_tile *tiles;
	size_t n, cap;
};

/* struct tilereader's read and save, with a struct tilehold for arg; what was read is not read again, and
 * save only notes that it is proven. */
MG_CHECK enum mg_code tilehold_read(void *hold, const struct tile *tiles, size_t n,
				    struct mg_span *bodies, struct mg_err *err);
enum mg_code tilehold_save(void *hold, const struct tile *tiles, size_t n,
			   const struct mg_span *bodies, struct mg_err *err);
/* Forgets all tiles and from now on fetches. */
void tilehold_distrust_cache(struct tilehold *h);
/* Stores what was fetched and is proven. */
MG_CHECK enum mg_code tilehold_store(struct tilehold *h, struct mg_err *err);
/* The body of a tile that was read; empty when it was not. */
struct mg_span tilehold_body(const struct tilehold *h, const struct tile *t);

#endif
