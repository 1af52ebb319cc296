/* SPDX-License-Identifier: Apache-2.0 */
/* The header by which a load balancer says whose connection it passes on: the PROXY protocol, versions 1 and
 * 2 (haproxy's doc/proxy-protocol.txt). It stands before everything else, TLS included. Pure. */
#ifndef WIRE_PROXYHEAD_H
#define WIRE_PROXYHEAD_H

#include "wire/iptext.h"

/* No header is longer: version 1 has at most 107 bytes, of version 2 more than this is refused. */
#define PROXYHEAD_MAX 2048

struct proxyhead {
	bool told; /* it says whose; else the connection is the balancer's own, such as a health check */
	struct iptext source;
	uint16_t port;
};

enum proxyhead_result {
	PROXYHEAD_DONE, /* *used bytes made it */
	PROXYHEAD_MORE,
	PROXYHEAD_BAD, /* *reason is a static sentence */
};

/* bytes: all that was received so far. */
enum proxyhead_result proxyhead_parse(struct mg_span bytes, struct proxyhead *out, size_t *used,
				      const char **reason);

#endif
