/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/reach.h"

struct network {
	struct ipaddr base;
	unsigned prefix;
};

#define V4(a, b, c, d, prefix)                                                                     \
	{                                                                                          \
		{ { a, b, c, d }, 32 }, prefix                                                     \
	}
#define V6(prefix, ...)                                                                            \
	{                                                                                          \
		{ { __VA_ARGS__ }, 128 }, prefix                                                   \
	}

/* Where the clouds' machines ask for their credentials, though the address looks like another. */
static const struct network metadata[] = {
	V4(100, 100, 100, 200, 32),
	V4(168, 63, 129, 16, 32),
	V6(128, 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54),
	V6(128, 0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54),
};

static const struct network inside[] = {
	V4(10, 0, 0, 0, 8),    V4(172, 16, 0, 0, 12), V4(192, 168, 0, 0, 16),
	V4(100, 64, 0, 0, 10), V6(7, 0xfc),
};

/* RFC 6890 and its registries: whatever is not globally reachable, and multicast. Of IPv6 only 2000::/3 is. */
static const struct network special[] = {
	V4(0, 0, 0, 0, 8),     V4(127, 0, 0, 0, 8),     V4(169, 254, 0, 0, 16),
	V4(192, 0, 0, 0, 24),  V4(192, 0, 2, 0, 24),    V4(192, 88, 99, 0, 24),
	V4(198, 18, 0, 0, 15), V4(198, 51, 100, 0, 24), V4(203, 0, 113, 0, 24),
	V4(224, 0, 0, 0, 3),   V6(23, 0x20, 0x01),      V6(32, 0x20, 0x01, 0x0d, 0xb8),
	V6(20, 0x3f, 0xff),
};

static const struct network global_v6 = V6(3, 0x20);

/* IPv6 addresses that stand for an IPv4 address, and the byte where that begins. */
static const struct {
	struct network network;
	unsigned at;
} translated[] = {
	{ V6(96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff), 12 }, /* mapped */
	{ V6(96, 0), 12 },                                        /* compatible; also :: and ::1 */
	{ V6(96, 0x00, 0x64, 0xff, 0x9b), 12 },                   /* RFC 6052 */
	{ V6(16, 0x20, 0x02), 2 },                                /* 6to4 */
};

static bool is_any(const struct network *n, size_t count, const struct ipaddr *a)
{
	for (size_t i = 0; i < count; i++)
		if (ipaddr_in(a, &n[i].base, n[i].prefix)) return true;
	return false;
}

#define IS_ANY(table, a) is_any(table, sizeof(table) / sizeof(table)[0], a)

/* network = address [ "/" prefix ] */
static bool parse_network(struct mg_span text, struct network *out)
{
	uint64_t prefix;
	struct mg_span rest = span_trim(text);
	out->base = ipaddr_parse(span_cut(&rest, '/'));
	out->prefix = out->base.bits;
	if (rest.p == NULL) return out->base.bits != 0;
	if (!span_u64(rest, out->base.bits, &prefix)) return false;
	out->prefix = (unsigned)prefix;
	return out->base.bits != 0;
}

static bool is_listed(const char *networks, const struct ipaddr *a)
{
	struct network n;
	for (struct mg_span rest = span_of(networks); rest.p != NULL;)
		if (parse_network(span_cut(&rest, ','), &n) && ipaddr_in(a, &n.base, n.prefix))
			return true;
	return false;
}

bool reach_allows(enum reach r, const char *networks, const struct ipaddr *a)
{
	if (r == REACH_ANYWHERE || is_listed(networks, a)) return true;
	if (a->bits == 0 || IS_ANY(metadata, a)) return false;
	for (size_t i = 0; i < sizeof translated / sizeof translated[0]; i++) {
		if (!ipaddr_in(a, &translated[i].network.base, translated[i].network.prefix))
			continue;
		struct ipaddr v4 = { .bits = 32 };
		memcpy(v4.bytes, a->bytes + translated[i].at, 4);
		return reach_allows(r, networks, &v4);
	}
	if (IS_ANY(inside, a)) return r == REACH_INSIDE;
	if (IS_ANY(special, a)) return false;
	return a->bits == 32 || ipaddr_in(a, &global_v6.base, global_v6.prefix);
}

bool reach_allows_host(enum reach r, const char *networks, const char *host)
{
	struct mg_span h = span_of(host);
	struct ipaddr a = ipaddr_parse(h);
	if (r == REACH_ANYWHERE) return true;
	if (a.bits != 0) return reach_allows(r, networks, &a);
	if (h.n > 0 && h.p[h.n - 1] == '.') h = span_first(h, h.n - 1);
	bool local = span_eq_nocase(h, SPAN("localhost")) ||
		     (h.n > 10 && span_eq_nocase(span_from(h, h.n - 10), SPAN(".localhost")));
	a = ipaddr_parse(SPAN("127.0.0.1"));
	return !local || is_listed(networks, &a);
}

enum mg_code reach_check_networks(struct mg_span networks, struct mg_err *err)
{
	struct network n;
	for (struct mg_span rest = span_trim(networks); rest.n > 0;) {
		struct mg_span one = span_cut(&rest, ',');
		if (!parse_network(one, &n))
			return err_set(err, MG_INVALID, MG_CAUSE_NONE,
				       "\"%.*s\" is no network: write 10.1.0.0/16 or fd00:1::/32",
				       SPAN_ARG(one));
	}
	return MG_OK;
}
