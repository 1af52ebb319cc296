/* SPDX-License-Identifier: Apache-2.0 */
/* A verifying client of a checksum database (protocol §6.8; golang.org/x/mod/sumdb.Client from v0.40 on).
 * It believes two things: the database's public key, and the trusted head, the largest tree it has ever
 * proven to extend all before. All else, cached or fetched, is proven against them each time.
 *
 * Threads: struct sumclient is constant after sumclient_init and may be shared; calls block in the ops.
 * Any number of threads may call at once if the ops may be called at once. The only shared state is the
 * trusted head, which the ops keep: read_head gives the newest, swap_head replaces it only if it is still
 * the one that was compared with, and who loses the race compares anew.
 *
 * Without upstream: when the trusted head advances, the tiles of the old one's right edge are read anew
 * as they are in the new tree, and stored first. So whatever was proven once can be proven again under
 * the head of today with what the cache holds, as long as nothing is removed from it but partial tiles
 * of which a wider one is there. */
#ifndef SUMDB_SUMCLIENT_H
#define SUMDB_SUMCLIENT_H

#include "base/arena.h"
#include "sumdb/lookup.h"
#include "sumdb/notekey.h"
#include "sumdb/tile.h"
#include "sumdb/treehead.h"

#define SUMCLIENT_TILE_HEIGHT 8

struct sumclient_head {
	struct treehead tree;
	struct mg_span note; /* the signed note that says so; empty for a tree of 0 records */
};

/* One thing to ask of the database. */
struct sumclient_fetch {
	struct mg_span
		path; /* below the database's URL: "lookup/…", "tile/…", "latest"; '!' literal */
	struct mg_buf body; /* with its maximum set; freed by the client */
	enum mg_code code;  /* MG_OK only for a whole 200; MG_NOT_FOUND only for 404 and 410 */
	struct mg_err err;
};

/* Where the client reads and writes. Paths of the cache are those of the database ("lookup/…", "tile/…"),
 * to be kept below the database's name. */
struct sumclient_ops {
	/* Asks n things, at once if it can, and fills in body, code and err of each. NULL: there is no
	 * upstream, and what the cache cannot prove is MG_UNAVAILABLE. */
	void (*read_remote)(void *arg, struct sumclient_fetch *list, size_t n);
	/* Appends to *body. Every failure counts as "not there". */
	enum mg_code (*read_cache)(void *arg, struct mg_span path, struct mg_buf *body,
				   struct mg_err *err);
	/* Replaces what is there; durable on return. Called with proven bytes only. Its failure ends the
	 * call, so that no head is trusted whose tiles are not kept. */
	enum mg_code (*write_cache)(void *arg, struct mg_span path, struct mg_span body,
				    struct mg_err *err);
	/* The trusted head, its note copied into the arena; treehead_empty() when there is none yet. Came
	 * from swap_head or, when a process starts, from the disk by way of sumclient_open_head. */
	enum mg_code (*read_head)(void *arg, struct arena *a, struct sumclient_head *out,
				  struct mg_err *err);
	/* If the trusted head is *old, makes it *next, durably; else *swapped = false and MG_OK. */
	enum mg_code (*swap_head)(void *arg, const struct treehead *old,
				  const struct sumclient_head *next, bool *swapped,
				  struct mg_err *err);
	/* The database has signed two trees of which the larger does not extend the smaller. The text
	 * (forkreport.h) is the evidence: keep it, alarm, and ask nothing more of this database until the
	 * operator has acknowledged it. The call that found it ends with MG_CORRUPT. */
	void (*fork)(void *arg, struct mg_span evidence);
	/* A memory of signed heads that a trusted head was proven to extend, by their notes; both may be
	 * NULL. An answer with one of these costs no signature and no tiles for its head. What is
	 * forgotten is proven again; when the trusted head is given up, all must be. */
	bool (*recall_head)(void *arg, struct mg_span note, struct treehead *out);
	void (*remember_head)(void *arg, const struct sumclient_head *head);
	void *arg;
};

struct sumclient {
	struct notekey key; /* its name is the database's */
	struct sumclient_ops ops;
	unsigned height; /* of tiles: SUMCLIENT_TILE_HEIGHT */
};

struct sumclient_answer {
	struct lookup_sums sums;
	uint64_t record;    /* its number */
	uint64_t tree_size; /* of the trusted tree it was proven to be in */
	bool from_cache;    /* the answer; tiles may have been fetched all the same */
};

/* key: NAME+HASH+BASE64; white space around it is allowed. Copies both. MG_INVALID: not a key. */
MG_CHECK enum mg_code sumclient_init(struct sumclient *c, struct mg_span key,
				     const struct sumclient_ops *ops, struct mg_err *err);
/* A head as it was kept: its signature is checked and it is read. MG_CORRUPT otherwise. */
MG_CHECK enum mg_code sumclient_open_head(const struct sumclient *c, struct mg_span note,
					  struct treehead *out, struct mg_err *err);
/* The hashes of a module's zip and go.mod, proven. The answer is in the cache afterwards, at lookup_path.
 * A cached answer or tile that proves nothing is fetched again and replaced.
 *   MG_NOT_FOUND    the database says 404: it does not know the version
 *   MG_CORRUPT      bytes that fail a proof, a fork, a record without both lines; nothing was stored
 *   MG_INVALID      no module path or version
 *   others          what the ops said; a tile that cannot be had is MG_UNAVAILABLE or MG_TIMEOUT
 * Who may be asked about (private patterns) is the caller's to decide before. */
MG_CHECK enum mg_code sumclient_lookup(const struct sumclient *c, struct mg_span path,
				       struct mg_span version, struct sumclient_answer *out,
				       struct mg_err *err);
/* Appends the body of a tile, proven: for those who verify on their own. As wide as the trusted tree has
 * it the tile is in the cache afterwards. Any width up to that is answered; a head that reaches further
 * is asked for when the trusted one does not. MG_NOT_FOUND: data tiles, other heights, beyond the tree. */
MG_CHECK enum mg_code sumclient_tile(const struct sumclient *c, const struct tile *tile,
				     struct mg_buf *out, struct mg_err *err);
/* Asks the database for its newest head and trusts it if it extends the trusted one; *out is the trusted
 * head then, its note in the arena. */
MG_CHECK enum mg_code sumclient_refresh(const struct sumclient *c, struct arena *a,
					struct sumclient_head *out, struct mg_err *err);

#endif
