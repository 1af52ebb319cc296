/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/tlog.h"

#include "base/check.h"

struct tlog_hash tlog_empty_root(void)
{
	struct tlog_hash h = { 0 };
	sha256_of((struct mg_span){ 0 }, h.b);
	return h;
}

struct tlog_hash tlog_record_hash(struct mg_span record)
{
	struct sha256 sum = { 0 };
	struct tlog_hash h = { 0 };
	sha256_init(&sum);
	sha256_update(&sum, span_make("\0", 1));
	sha256_update(&sum, record);
	sha256_final(&sum, h.b);
	return h;
}

struct tlog_hash tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right)
{
	struct tlog_hash pair[2] = { *left, *right };
	sha256_pairs(1, pair[0].b, 1, pair[0].b);
	return pair[0];
}

#define ROW_MAX 256

struct tlog_hash tlog_perfect_root(const struct tlog_hash *row, size_t n)
{
	struct tlog_hash level[ROW_MAX / 2];
	MG_ASSERT(n > 0 && (n & (n - 1)) == 0);
	if (n == 1) return row[0];
	if (n > ROW_MAX) {
		struct tlog_hash left = tlog_perfect_root(row, n / 2);
		struct tlog_hash right = tlog_perfect_root(row + n / 2, n / 2);
		return tlog_node_hash(&left, &right);
	}
	sha256_pairs(1, row[0].b, n / 2, level[0].b);
	for (n /= 2; n > 1; n /= 2)
		sha256_pairs(1, level[0].b, n / 2, level[0].b);
	return level[0];
}

uint64_t tlog_index(unsigned level, uint64_t n)
{
	/* Node n of a level is stored `level` places behind the last record below it. */
	uint64_t record = ((n + 1) << level) - 1;
	return 2 * record - (uint64_t)__builtin_popcountll(record) + level;
}

void tlog_split_index(uint64_t index, unsigned *level, uint64_t *n)
{
	/* index(0, n) is between 2n - 64 and 2n, so the record is at or a little above index / 2. */
	uint64_t record = index / 2;
	uint64_t at = tlog_index(0, record);
	for (;;) {
		uint64_t next = at + 1 + (uint64_t)__builtin_ctzll(record + 1);
		if (next > index) break;
		record++;
		at = next;
	}
	*level = (unsigned)(index - at);
	*n = record >> *level;
}

uint64_t tlog_stored(uint64_t n)
{
	return 2 * n - (uint64_t)__builtin_popcountll(n);
}

size_t tlog_subtrees(uint64_t lo, uint64_t hi, uint64_t places[TLOG_SUBTREE_MAX])
{
	size_t n = 0;
	while (lo < hi) {
		unsigned level = 63u - (unsigned)__builtin_clzll(hi - lo);
		uint64_t size = UINT64_C(1) << level;
		MG_ASSERT((lo & (size - 1)) == 0 && n < TLOG_SUBTREE_MAX);
		places[n++] = tlog_index(level, lo >> level);
		lo += size;
	}
	return n;
}

struct tlog_hash tlog_fold(const struct tlog_hash *subtrees, size_t n)
{
	MG_ASSERT(n > 0);
	struct tlog_hash h = subtrees[n - 1];
	for (size_t i = n - 1; i > 0; i--)
		h = tlog_node_hash(&subtrees[i - 1], &h);
	return h;
}

enum mg_code tlog_root(const struct tlog_reader *reader, uint64_t n, struct tlog_hash *out,
		       struct mg_err *err)
{
	uint64_t places[TLOG_SUBTREE_MAX];
	struct tlog_hash hashes[TLOG_SUBTREE_MAX];
	if (n == 0) {
		*out = tlog_empty_root();
		return MG_OK;
	}
	size_t count = tlog_subtrees(0, n, places);
	enum mg_code rc = reader->read(reader->arg, places, count, hashes, err);
	if (rc == MG_OK) *out = tlog_fold(hashes, count);
	return rc;
}

enum mg_code tlog_append(const struct tlog_reader *reader, uint64_t n,
			 const struct tlog_hash *record, struct tlog_hash out[TLOG_SUBTREE_MAX],
			 size_t *count, struct mg_err *err)
{
	uint64_t places[TLOG_SUBTREE_MAX];
	struct tlog_hash left[TLOG_SUBTREE_MAX];
	/* Each trailing 1 bit of n completes a subtree, whose left half is stored already. */
	size_t completed = (size_t)__builtin_ctzll(n + 1);
	for (size_t i = 0; i < completed; i++)
		places[completed - 1 - i] = tlog_index((unsigned)i, (n >> i) - 1);
	if (completed > 0) {
		enum mg_code rc = reader->read(reader->arg, places, completed, left, err);
		if (rc != MG_OK) return rc;
	}
	out[0] = *record;
	for (size_t i = 0; i < completed; i++)
		out[i + 1] = tlog_node_hash(&left[completed - 1 - i], &out[i]);
	*count = completed + 1;
	return MG_OK;
}
