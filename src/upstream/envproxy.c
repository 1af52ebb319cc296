/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/envproxy.h"

#include <stdlib.h>

#include "upstream/ipaddr.h"

/* Cuts ":port" off; true unless there is one and it differs. */
static bool port_fits(struct mg_span *entry, uint16_t port)
{
	ptrdiff_t colon = span_last_index(*entry, ':');
	if (colon < 0 || (entry->p[0] != '[' && span_index(*entry, ':') != colon)) return true;
	uint64_t wanted;
	if (!span_u64(span_from(*entry, (size_t)colon + 1), 65535, &wanted)) return true;
	*entry = span_first(*entry, (size_t)colon);
	return wanted == port;
}

/* entry = "*" / address [ "/" prefix ] [ ":" port ] / [ "*" ] [ "." ] domain [ ":" port ]
 * A domain stands for itself and what is below it; with a leading dot only for what is below. */
static bool entry_matches(struct mg_span entry, struct mg_span host, const struct ipaddr *a,
			  uint16_t port)
{
	if (span_eq(entry, SPAN("*"))) return true;
	struct mg_span rest = entry;
	struct ipaddr net = ipaddr_parse(span_cut(&rest, '/'));
	uint64_t prefix;
	if (rest.p != NULL)
		return net.bits != 0 && span_u64(rest, net.bits, &prefix) &&
		       ipaddr_in(a, &net, (unsigned)prefix);
	if (!port_fits(&entry, port) || entry.n == 0) return false;
	net = ipaddr_parse(entry);
	if (net.bits != 0) return ipaddr_in(a, &net, net.bits);
	if (span_has_prefix(entry, SPAN("*."))) entry = span_from(entry, 1);
	bool itself = entry.p[0] != '.';
	if (!itself) entry = span_from(entry, 1);
	if (host.n == entry.n) return itself && span_eq_nocase(host, entry);
	return host.n > entry.n && host.p[host.n - entry.n - 1] == '.' &&
	       span_eq_nocase(span_from(host, host.n - entry.n), entry);
}

static const char *variable(const char *upper, const char *lower)
{
	const char *v = getenv(upper);
	if (v == NULL || *v == '\0') v = getenv(lower);
	return v != NULL && *v != '\0' ? v : NULL;
}

struct envproxy envproxy_read(void)
{
	return (struct envproxy){ .http = variable("HTTP_PROXY", "http_proxy"),
				  .https = variable("HTTPS_PROXY", "https_proxy"),
				  .no = variable("NO_PROXY", "no_proxy") };
}

const char *envproxy_pick(const struct envproxy *e, const char *scheme, const char *host,
			  uint16_t port)
{
	const char *proxy = strcmp(scheme, "https") == 0 ? e->https : e->http;
	struct mg_span h = span_of(host);
	struct ipaddr a = ipaddr_parse(h);
	if (proxy == NULL || span_eq_nocase(h, SPAN("localhost")) || ipaddr_is_loopback(&a))
		return NULL;
	struct mg_span rest = span_of(e->no);
	while (rest.p != NULL) {
		struct mg_span entry = span_trim(span_cut(&rest, ','));
		if (entry.n != 0 && entry_matches(entry, h, &a, port)) return NULL;
	}
	return proxy;
}
