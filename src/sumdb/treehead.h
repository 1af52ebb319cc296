/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a log's signed head: "go.sum database tree" LF size LF base64(root) LF, and lines that
 * later versions may add (protocol §6.4). Any thread. */
#ifndef SUMDB_TREEHEAD_H
#define SUMDB_TREEHEAD_H

#include "base/buf.h"
#include "sumdb/tlog.h"

#define TREEHEAD_TEXT_MAX 1000000

struct treehead {
	uint64_t size; /* records */
	struct tlog_hash root;
};

static inline bool treehead_eq(const struct treehead *a, const struct treehead *b)
{
	return a->size == b->size && tlog_hash_eq(&a->root, &b->root);
}

/* The head of a log that has no record. */
static inline struct treehead treehead_empty(void)
{
	return (struct treehead){ 0, tlog_empty_root() };
}

/* False when the text is malformed or the size above TLOG_SIZE_MAX. */
bool treehead_parse(struct mg_span text, struct treehead *out);
void treehead_print(const struct treehead *head, struct mg_buf *out);

#endif
