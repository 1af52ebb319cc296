/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate a client means that names a server (SNI, RFC 6066 §3): a table of the DNS names in
 * the certificates (RFC 9525 §6.3). Filled, sorted, then read by any thread. */
#ifndef TLS_SERVERNAME_H
#define TLS_SERVERNAME_H

#include "base/span.h"

#define SERVERNAME_MAX 253 /* RFC 1035 §2.3.4, as text */

struct servername_entry {
	char *name;   /* lower case; of "*.example.com" what follows the dot */
	bool below;   /* it was a wildcard: stands for exactly one label before name */
	size_t owner; /* what was said when it was added */
};

struct servername_table {
	struct servername_entry *entries;
	size_t n, cap;
};

/* False for what is no name a client could ask for: empty or long, foreign characters, an IP address (no
 * client sends one), a '*' that is not the whole first label. */
bool servername_add(struct servername_table *t, struct mg_span pattern, size_t owner);
/* After the last servername_add. */
void servername_sort(struct servername_table *t);
/* The owner of the name itself, else of the wildcard above it; of several the one with the least number.
 * False: nobody's. */
bool servername_find(const struct servername_table *t, struct mg_span asked, size_t *owner);
void servername_deinit(struct servername_table *t);

#endif
