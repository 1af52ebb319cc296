/* SPDX-License-Identifier: Apache-2.0 */
/* How far a request may go whose host was named by a stranger (a go-import page, a module path, a
 * redirect): asked of the very address that is connected to, so that no spelling of a name and no DNS
 * server that answers twice differently gets around it (T48). Any thread. */
#ifndef UPSTREAM_REACH_H
#define UPSTREAM_REACH_H

#include "base/err.h"
#include "upstream/ipaddr.h"

enum reach {
	REACH_ANYWHERE = 0, /* the operator has named the host */
	REACH_INSIDE, /* addresses of the internet, and those a company uses inside (RFC 1918, 6598, 4193) */
	REACH_PUBLIC, /* addresses of the internet */
};

/* Besides those, networks: what the operator allows, "10.1.0.0/16,fd00:1::/32,192.0.2.1", comma between
 * them; NULL or empty: none. Never in reach but so: loopback, link-local, multicast, and where clouds
 * hand out credentials. An address in one of the ways to write an IPv4 address as IPv6 is judged as that. */
bool reach_allows(enum reach r, const char *networks, const struct ipaddr *a);
/* The same for a host as it stands in a URL, when it is an address or a name of this machine; true for
 * other names, of which only DNS knows. */
bool reach_allows_host(enum reach r, const char *networks, const char *host);
/* MG_INVALID with what is wrong, for a list that is no list of networks. */
MG_CHECK enum mg_code reach_check_networks(struct mg_span networks, struct mg_err *err);

#endif
