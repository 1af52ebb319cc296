/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of the store this process has already checked against their record: a bounded set of
 * (key, inode, size, mtime, ctime) with the SHA-256 found. Any thread. Losing an entry costs a hash. */
#ifndef STORE_VERIFIED_H
#define STORE_VERIFIED_H

#include "store/store.h"

/* Large files: what was found when it was last hashed. */
bool verified_get(const char *key, const struct store_file *f, uint8_t sha256[32]);
void verified_put(const char *key, const struct store_file *f, const uint8_t sha256[32]);
/* Small files, which are hashed on each reading: was this file with this hash agreed with its record
 * before? 8 bytes a file, so that a million of them need no second look at their records. */
bool verified_agreed(const char *key, const struct store_file *f, const uint8_t sha256[32]);
void verified_agree(const char *key, const struct store_file *f, const uint8_t sha256[32]);
/* Reads the file from its beginning to f->size and hashes it; the set is not touched. Blocks.
 * MG_UNAVAILABLE: it cannot be read; MG_CORRUPT: it ends early. */
MG_CHECK enum mg_code verified_hash(const struct store_file *f, uint8_t sha256[32],
				    struct mg_err *err);

#endif
