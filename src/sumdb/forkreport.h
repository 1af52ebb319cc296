/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence that a checksum database has shown two histories: both signed heads and, where they are
 * of different sizes, a proof of what the larger tree really begins with. It convinces who has nothing
 * but the database's public key. Any thread. */
#ifndef SUMDB_FORKREPORT_H
#define SUMDB_FORKREPORT_H

#include "sumdb/merkleproof.h"
#include "sumdb/treehead.h"

#define FORKREPORT_MAX (1u << 20)

struct forkreport {
	struct mg_span old_note; /* of the smaller tree */
	struct mg_span new_note;
	struct tlog_hash root; /* of as many records of the larger tree as the smaller has */
	struct merkleproof
		proof; /* that the larger tree extends a tree with that root; may be empty */
};

void forkreport_print(const struct forkreport *f, struct mg_buf *out);

#endif
