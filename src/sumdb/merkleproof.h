/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs about a transparency log (RFC 6962 §2.1.1, §2.1.2): that a tree contains a record, and that a
 * larger tree begins with all of a smaller one. Any thread. */
#ifndef SUMDB_MERKLEPROOF_H
#define SUMDB_MERKLEPROOF_H

#include "sumdb/tlog.h"

#define MERKLEPROOF_MAX 64 /* hashes that a proof in a tree of at most TLOG_SIZE_MAX can have */

struct merkleproof {
	struct tlog_hash hash[MERKLEPROOF_MAX];
	size_t n;
};

/* That record `record` is in the tree of size `size`. MG_INVALID when it cannot be; else what the reader
 * says. */
MG_CHECK enum mg_code merkleproof_of_record(const struct tlog_reader *reader, uint64_t size,
					    uint64_t record, struct merkleproof *out,
					    struct mg_err *err);
/* That the tree of size `size` extends that of size old_size. MG_INVALID unless 0 < old_size <= size. */
MG_CHECK enum mg_code merkleproof_of_tree(const struct tlog_reader *reader, uint64_t size,
					  uint64_t old_size, struct merkleproof *out,
					  struct mg_err *err);
/* Do n hashes prove it? */
bool merkleproof_record_holds(const struct tlog_hash *proof, size_t n, uint64_t size,
			      const struct tlog_hash *root, uint64_t record,
			      const struct tlog_hash *record_hash);
bool merkleproof_tree_holds(const struct tlog_hash *proof, size_t n, uint64_t size,
			    const struct tlog_hash *root, uint64_t old_size,
			    const struct tlog_hash *old_root);

#endif
