/* SPDX-License-Identifier: Apache-2.0 */
/* Reads hashes of a tree out of tiles that nobody vouches for: every tile that was read is proven to
 * belong to the tree before a hash of it is returned or it is saved (golang.org/x/mod from v0.40 on;
 * before, some tiles went unproven: CVE-2026-56865). One thread at a time; no state but the arena's. */
#ifndef SUMDB_TILEREADER_H
#define SUMDB_TILEREADER_H

#include "base/arena.h"
#include "sumdb/tile.h"
#include "sumdb/treehead.h"

struct tilereader {
	struct treehead tree; /* what is trusted */
	unsigned height;      /* of the tiles */
	struct arena *arena;  /* for the plan and, if read wants, the bodies */
	/* Sets bodies[i] to the body of tiles[i]; of a wrong length it is refused. Which tiles are asked
	 * follows from the tree and the places alone. */
	enum mg_code (*read)(void *arg, const struct tile *tiles, size_t n, struct mg_span *bodies,
			     struct mg_err *err);
	/* The same tiles, now proven. A failure is the read's failure. */
	enum mg_code (*save)(void *arg, const struct tile *tiles, size_t n,
			     const struct mg_span *bodies, struct mg_err *err);
	void *arg;
};

/* A tlog_reader's read, with the struct tilereader for arg. MG_CORRUPT: tiles do not prove the tree.
 * MG_INVALID: a place outside the tree. */
MG_CHECK enum mg_code tilereader_read(void *tilereader, const uint64_t *places, size_t n,
				      struct tlog_hash *out, struct mg_err *err);

#endif
