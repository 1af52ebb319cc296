/* SPDX-License-Identifier: Apache-2.0 */
/* A transparency log's hash tree (RFC 6962 §2.1; golang.org/x/mod/sumdb/tlog): hashes, the order in
 * which they are stored, roots. Any thread. */
#ifndef SUMDB_TLOG_H
#define SUMDB_TLOG_H

#include "base/err.h"
#include "crypto/sha256.h"

#define TLOG_SIZE_MAX    (UINT64_C(1) << 60) /* records of a tree; more is refused where read */
#define TLOG_SUBTREE_MAX 64                  /* perfect subtrees that any range is made of */

struct tlog_hash {
	uint8_t b[SHA256_SIZE];
};

static inline bool tlog_hash_eq(const struct tlog_hash *a, const struct tlog_hash *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

struct tlog_hash tlog_empty_root(void);
struct tlog_hash tlog_record_hash(struct mg_span record);
struct tlog_hash tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right);
/* The root over n > 0 hashes of one level, n a power of two. */
struct tlog_hash tlog_perfect_root(const struct tlog_hash *row, size_t n);

/* Hashes are stored in the order in which they become known: each record's, then those of the subtrees
 * that it completes, smallest first. The place of node n of a level (0: records), and back. */
uint64_t tlog_index(unsigned level, uint64_t n);
void tlog_split_index(uint64_t index, unsigned *level, uint64_t *n);
/* How many hashes a log of n records stores. */
uint64_t tlog_stored(uint64_t n);

/* Places of the roots of the perfect subtrees that records [lo, hi) are made of, largest first; lo must
 * be where subtrees of that size begin (0, or by RFC 6962's splitting). Returns how many. */
size_t tlog_subtrees(uint64_t lo, uint64_t hi, uint64_t places[TLOG_SUBTREE_MAX]);
/* The root over n > 0 such subtrees. */
struct tlog_hash tlog_fold(const struct tlog_hash *subtrees, size_t n);

/* Where stored hashes are read. */
struct tlog_reader {
	/* Fills out[i] with the hash stored at places[i]. */
	enum mg_code (*read)(void *arg, const uint64_t *places, size_t n, struct tlog_hash *out,
			     struct mg_err *err);
	void *arg;
};

/* The root over the first n records. */
MG_CHECK enum mg_code tlog_root(const struct tlog_reader *reader, uint64_t n, struct tlog_hash *out,
				struct mg_err *err);
/* The hashes to store when record n (from 0) is appended: its own, then of the subtrees it completes;
 * they belong at tlog_index(0, n) and on. */
MG_CHECK enum mg_code tlog_append(const struct tlog_reader *reader, uint64_t n,
				  const struct tlog_hash *record,
				  struct tlog_hash out[TLOG_SUBTREE_MAX], size_t *count,
				  struct mg_err *err);

#endif
