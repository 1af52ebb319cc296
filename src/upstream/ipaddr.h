/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and networks of them. Pure functions, any thread. */
#ifndef UPSTREAM_IPADDR_H
#define UPSTREAM_IPADDR_H

#include "base/span.h"

struct sockaddr;

struct ipaddr {
	unsigned char bytes[16];
	unsigned bits; /* 32 or 128; 0: no address */
};

/* As they are written: "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; of other spellings none. */
struct ipaddr ipaddr_parse(struct mg_span text);
struct ipaddr ipaddr_of(const struct sockaddr *sa); /* IPv4-mapped ones become IPv4 */
/* Are the first prefix bits those of net? False for another family, and for a prefix longer than the address. */
bool ipaddr_in(const struct ipaddr *a, const struct ipaddr *net, unsigned prefix);
bool ipaddr_is_loopback(const struct ipaddr *a);

#endif
