/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/envproxy.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct address {
	unsigned char bytes[16];
	unsigned bits; /* 32 or 128; 0: not an address */
};

static struct address address_of(struct mg_span s)
{
	struct address a = { .bits = 0 };
	char text[64];
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') s = span_make(s.p + 1, s.n - 2);
	if (s.n == 0 || s.n >= sizeof text) return a;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.bits = 32;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.bits = 128;
	return a;
}

static bool in_network(const struct address *a, const struct address *net, unsigned prefix)
{
	if (a->bits != net->bits || prefix > a->bits) return false;
	if (memcmp(a->bytes, net->bytes, prefix / 8) != 0) return false;
	unsigned rest = prefix % 8;
	unsigned mask = (0xff00u >> rest) & 0xff;
	return rest == 0 || ((a->bytes[prefix / 8] ^ net->bytes[prefix / 8]) & mask) == 0;
}

static bool is_loopback(const struct address *a)
{
	static const struct address v4 = { .bytes = { 127 }, .bits = 32 };
	static const struct address v6 = { .bytes = { [15] = 1 }, .bits = 128 };
	return in_network(a, &v4, 8) || in_network(a, &v6, 128);
}

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
static bool entry_matches(struct mg_span entry, struct mg_span host, const struct address *a,
			  uint16_t port)
{
	if (span_eq(entry, SPAN("*"))) return true;
	struct mg_span rest = entry;
	struct address net = address_of(span_cut(&rest, '/'));
	uint64_t prefix;
	if (rest.p != NULL)
		return net.bits != 0 && span_u64(rest, net.bits, &prefix) &&
		       in_network(a, &net, (unsigned)prefix);
	if (!port_fits(&entry, port) || entry.n == 0) return false;
	net = address_of(entry);
	if (net.bits != 0) return in_network(a, &net, net.bits);
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
	struct address a = address_of(h);
	if (proxy == NULL || span_eq_nocase(h, SPAN("localhost")) || is_loopback(&a)) return NULL;
	struct mg_span rest = span_of(e->no);
	while (rest.p != NULL) {
		struct mg_span entry = span_trim(span_cut(&rest, ','));
		if (entry.n != 0 && entry_matches(entry, h, &a, port)) return NULL;
	}
	return proxy;
}
