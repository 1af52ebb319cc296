/* SPDX-License-Identifier: Apache-2.0 */
/* The signed heads that were seen of late and are proven: the trusted head extends each. One thread at a
 * time. */
#ifndef FETCH_PROVENHEADS_H
#define FETCH_PROVENHEADS_H

#include "base/span.h"
#include "sumdb/treehead.h"

#define PROVENHEADS_MAX      32   /* a head is signed for all lookups of about a minute */
#define PROVENHEADS_NOTE_MAX 1024 /* longer ones have foreign signatures, and are not kept */

struct provenheads {
	struct {
		struct treehead tree;
		size_t n; /* 0: none */
		char note[PROVENHEADS_NOTE_MAX];
	} head[PROVENHEADS_MAX];
	unsigned next; /* to be replaced: the oldest */
};

/* All zero is none. */
bool provenheads_find(const struct provenheads *h, struct mg_span note, struct treehead *out);
void provenheads_add(struct provenheads *h, struct mg_span note, const struct treehead *tree);
void provenheads_clear(struct provenheads *h);

#endif
