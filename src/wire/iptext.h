/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and networks as text (RFC 4291 §2.2, RFC 4632 §3.1). Strict: no leading zeros in IPv4, no
 * zones. Pure. */
#ifndef WIRE_IPTEXT_H
#define WIRE_IPTEXT_H

#include "base/span.h"

/* IPv4 stands as ::ffff:a.b.c.d, so that one address has one form, however it was written. */
struct iptext {
	uint8_t ip[16];
	unsigned family; /* 4 or 6 */
};

bool iptext_parse(struct mg_span text, struct iptext *out);
bool iptext_parse4(struct mg_span text, struct iptext *out); /* only a.b.c.d */
bool iptext_parse6(struct mg_span text, struct iptext *out); /* only with colons */

struct iptext_net {
	uint8_t ip[16];
	unsigned bits; /* of ip, 0 to 128 */
	bool local;    /* the word "unix": peers that have no address */
};

/* "10.0.0.0/8", "2001:db8::/32", an address alone, or "unix". Bits beyond the network must be zero. */
bool iptext_net_parse(struct mg_span text, struct iptext_net *out);
bool iptext_net_has(const struct iptext_net *nets, size_t n, const uint8_t ip[16]);
bool iptext_net_has_local(const struct iptext_net *nets, size_t n);

#endif
