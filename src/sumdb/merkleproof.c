/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/merkleproof.h"

#include "base/check.h"

/* Where a proof's walk stands: records [lo, hi) of a tree. */
struct range {
	uint64_t lo, hi;
};

/* One step down: the half that the walk goes into, and its sibling. The left half is the largest power
 * of two smaller than the range. */
static struct range step(struct range at, bool left, struct range *sibling)
{
	uint64_t size = at.hi - at.lo;
	uint64_t k = UINT64_C(1) << (63 - __builtin_clzll(size - 1));
	struct range l = { at.lo, at.lo + k }, r = { at.lo + k, at.hi };
	*sibling = left ? r : l;
	return left ? l : r;
}

static uint64_t middle(struct range at)
{
	struct range right;
	(void)step(at, true, &right);
	return right.lo;
}

static enum mg_code out_of_range(struct mg_err *err)
{
	return err_set(err, MG_INVALID, MG_CAUSE_PROOF,
		       "no proof can be made about what is not in the tree");
}

/* Reads the roots of the n ranges; proofs run from the leaf up, so the deepest range is the first. */
static enum mg_code read_ranges(const struct tlog_reader *reader, const struct range *ranges,
				size_t n, struct merkleproof *out, struct mg_err *err)
{
	/* All but one of the ranges are perfect subtrees, or they end where the tree does. */
	uint64_t places[2 * TLOG_SUBTREE_MAX];
	struct tlog_hash hashes[2 * TLOG_SUBTREE_MAX];
	size_t begin[MERKLEPROOF_MAX + 1], count = 0;
	MG_ASSERT(n <= MERKLEPROOF_MAX);
	for (size_t i = 0; i < n; i++) {
		uint64_t subtrees[TLOG_SUBTREE_MAX];
		size_t parts = tlog_subtrees(ranges[i].lo, ranges[i].hi, subtrees);
		MG_ASSERT(count + parts <= 2 * TLOG_SUBTREE_MAX);
		memcpy(places + count, subtrees, parts * sizeof *places);
		begin[i] = count;
		count += parts;
	}
	begin[n] = count;
	if (count > 0) {
		enum mg_code rc = reader->read(reader->arg, places, count, hashes, err);
		if (rc != MG_OK) return rc;
	}
	out->n = n;
	for (size_t i = 0; i < n; i++)
		out->hash[n - 1 - i] = tlog_fold(hashes + begin[i], begin[i + 1] - begin[i]);
	return MG_OK;
}

enum mg_code merkleproof_of_record(const struct tlog_reader *reader, uint64_t size, uint64_t record,
				   struct merkleproof *out, struct mg_err *err)
{
	struct range siblings[MERKLEPROOF_MAX], at = { 0, size };
	size_t n = 0;
	if (record >= size || size > TLOG_SIZE_MAX) return out_of_range(err);
	while (at.hi - at.lo > 1)
		at = step(at, record < middle(at), &siblings[n++]);
	return read_ranges(reader, siblings, n, out, err);
}

enum mg_code merkleproof_of_tree(const struct tlog_reader *reader, uint64_t size, uint64_t old_size,
				 struct merkleproof *out, struct mg_err *err)
{
	struct range ranges[MERKLEPROOF_MAX], at = { 0, size };
	size_t n = 0;
	if (old_size == 0 || old_size > size || size > TLOG_SIZE_MAX) return out_of_range(err);
	while (at.hi != old_size)
		at = step(at, old_size <= middle(at), &ranges[n++]);
	/* Common ground. The whole old tree is known to who checks; a part of it is not. */
	if (at.lo > 0) ranges[n++] = at;
	return read_ranges(reader, ranges, n, out, err);
}

bool merkleproof_record_holds(const struct tlog_hash *proof, size_t n, uint64_t size,
			      const struct tlog_hash *root, uint64_t record,
			      const struct tlog_hash *record_hash)
{
	bool left[MERKLEPROOF_MAX];
	struct range sibling, at = { 0, size };
	size_t depth = 0;
	if (record >= size || size > TLOG_SIZE_MAX) return false;
	for (; at.hi - at.lo > 1; depth++) {
		left[depth] = record < middle(at);
		at = step(at, left[depth], &sibling);
	}
	if (n != depth) return false;
	struct tlog_hash h = *record_hash;
	for (size_t i = 0; i < n; i++)
		h = left[depth - 1 - i] ? tlog_node_hash(&h, &proof[i])
					: tlog_node_hash(&proof[i], &h);
	return tlog_hash_eq(&h, root);
}

bool merkleproof_tree_holds(const struct tlog_hash *proof, size_t n, uint64_t size,
			    const struct tlog_hash *root, uint64_t old_size,
			    const struct tlog_hash *old_root)
{
	bool left[MERKLEPROOF_MAX];
	struct range sibling, at = { 0, size };
	size_t depth = 0;
	if (old_size == 0 || old_size > size || size > TLOG_SIZE_MAX) return false;
	for (; at.hi != old_size; depth++) {
		left[depth] = old_size <= middle(at);
		at = step(at, left[depth], &sibling);
	}
	/* The lowest hash is the old tree itself, or the proof begins with it. */
	size_t given = at.lo > 0;
	if (n != depth + given) return false;
	struct tlog_hash h = given ? proof[0] : *old_root, old = h;
	for (size_t i = 0; i < depth; i++) {
		const struct tlog_hash *p = &proof[given + i];
		if (left[depth - 1 - i]) {
			h = tlog_node_hash(&h, p);
		} else {
			h = tlog_node_hash(p, &h);
			old = tlog_node_hash(p, &old);
		}
	}
	return tlog_hash_eq(&h, root) && tlog_hash_eq(&old, old_root);
}
