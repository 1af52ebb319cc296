/* SPDX-License-Identifier: Apache-2.0 */
/* Small state that processes share and that outlives them, behind five operations: get, put if absent,
 * swap (compare-and-swap by revision), lease, watch. Kept in files of the store for one host
 * (meta/meta_file.h); a database for many would stand behind the same functions.
 *
 * A name is [a-z0-9._-]{1,64} and does not begin with '.' (asserted). A value has at most META_MAX
 * bytes and a revision, 1 when it is first put and one more with each swap. Any thread, any number of
 * processes. Functions block, for a disk and for others' short turns (MG_TIMEOUT after 5 s of that). */
#ifndef META_META_H
#define META_META_H

#include "base/buf.h"
#include "base/err.h"

#define META_MAX       (1u << 20)
#define META_OWNER_MAX 64

struct meta;

/* In the store at root; its folder is made if it is missing. */
MG_CHECK enum mg_code meta_open(const char *root, struct meta **out, struct mg_err *err);
void meta_close(struct meta **m);

/* Fills *out (cleared before; its maximum counts) and *revision (NULL allowed). MG_NOT_FOUND: never
 * put. MG_CORRUPT: damaged on disk. */
MG_CHECK enum mg_code meta_get(struct meta *m, const char *name, struct mg_buf *out,
			       uint64_t *revision, struct mg_err *err);

enum meta_outcome {
	META_DONE,  /* durable */
	META_LOST,  /* somebody else was first; nothing changed */
	META_FAULT, /* *err says why; whether it happened is not known if the disk failed */
};
MG_CHECK enum meta_outcome meta_put_if_absent(struct meta *m, const char *name,
					      struct mg_span bytes, struct mg_err *err);
/* Only if the value still has this revision. On META_DONE its revision is one more. */
MG_CHECK enum meta_outcome meta_swap(struct meta *m, const char *name, uint64_t revision,
				     struct mg_span bytes, struct mg_err *err);

/* The right to do something alone, for a time. Times are of the wall clock, for hosts share no other;
 * a holder that overslept is therefore possible, and `fence` is what makes it harmless: it grows with
 * each new holder, so whoever guards the thing done refuses a fence lower than one it has seen. */
struct meta_lease {
	uint64_t fence;
	int64_t until_ms; /* wall clock */
};
/* Takes the lease, or prolongs it if owner has it (same fence). owner: printable, no spaces, at most
 * META_OWNER_MAX (asserted). META_LOST: another has it until out->until_ms. */
MG_CHECK enum meta_outcome meta_lease_take(struct meta *m, const char *name, const char *owner,
					   int64_t now_ms, uint32_t ttl_ms, struct meta_lease *out,
					   struct mg_err *err);
/* META_LOST: it was no longer the owner's. */
MG_CHECK enum meta_outcome meta_lease_give_back(struct meta *m, const char *name, const char *owner,
						int64_t now_ms, struct mg_err *err);

/* Waits until the revision differs from `seen` (0: absent) and sets *revision; MG_TIMEOUT when
 * timeout_ms passes first. A lease's name is watched as META_LEASE_PREFIX + name. */
#define META_LEASE_PREFIX "lease."
MG_CHECK enum mg_code meta_watch(struct meta *m, const char *name, uint64_t seen,
				 uint32_t timeout_ms, uint64_t *revision, struct mg_err *err);

#endif
