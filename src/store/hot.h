/* SPDX-License-Identifier: Apache-2.0 */
/* The hot table of one loop: what answers a request without touching the file system. A bounded
 * number of bytes; values are opaque to it. One thread. The lookup is on the way of every request. */
#ifndef STORE_HOT_H
#define STORE_HOT_H

#include "base/span.h"

struct hot;

#define HOT_FOREVER UINT64_MAX

/* release is called for each value that leaves (evicted, replaced, expired, removed, freed). */
struct hot *hot_new(size_t max_bytes, void (*release)(void *value));
void hot_free(struct hot **h);
/* The value, or NULL when there is none or it expired. Stays the table's. */
void *hot_get(struct hot *h, struct mg_span key, uint64_t now_ms);
/* Takes the value over (released at once when cost alone is over the budget). The key is copied.
 * cost: bytes it holds. expires_ms on the clock of hot_get. Replaces a value of the same key. */
void hot_put(struct hot *h, struct mg_span key, void *value, size_t cost, uint64_t expires_ms);
void hot_remove(struct hot *h, struct mg_span key);
void hot_clear(struct hot *h); /* nothing is in it any more */
size_t hot_bytes(const struct hot *h);

#endif
