/* SPDX-License-Identifier: Apache-2.0 */
/* Which proxy the environment names for an outgoing request, by the rules the go command follows:
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY or their lower-case forms; loopback is never proxied. */
#ifndef UPSTREAM_ENVPROXY_H
#define UPSTREAM_ENVPROXY_H

#include "base/span.h"

struct envproxy {
	const char *http, *https, *no; /* NULL: not set */
};

/* As the environment is now; the strings are the environment's. */
struct envproxy envproxy_read(void);
/* The proxy's URL or host:port; NULL: go direct. host is lower case, IPv6 in brackets. */
const char *envproxy_pick(const struct envproxy *e, const char *scheme, const char *host,
			  uint16_t port);

#endif
