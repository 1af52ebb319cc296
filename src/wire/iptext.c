/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/iptext.h"

#include <string.h>

static void set4(struct iptext *out, const uint8_t ip4[4])
{
	*out = (struct iptext){ .ip = { [10] = 0xff, [11] = 0xff }, .family = 4 };
	memcpy(out->ip + 12, ip4, 4);
}

/* IPv4address = dec-octet 3( "." dec-octet ); dec-octet: 0 to 255 without leading zeros (RFC 3986 §3.2.2) */
bool iptext_parse4(struct mg_span text, struct iptext *out)
{
	uint8_t ip4[4];

	for (int i = 0; i < 4; i++) {
		if (text.p == NULL) return false;
		const struct mg_span part = span_cut(&text, '.');
		uint64_t octet;
		if (part.n > 3 || (part.n > 1 && part.p[0] == '0')) return false;
		if (!span_u64(part, 255, &octet)) return false;
		ip4[i] = (uint8_t)octet;
	}
	if (text.p != NULL) return false;
	set4(out, ip4);
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* h16 = 1*4HEXDIG */
static bool parse_h16(struct mg_span s, uint8_t out[2])
{
	unsigned v = 0;

	if (s.n == 0 || s.n > 4) return false;
	for (size_t i = 0; i < s.n; i++) {
		if (hex(s.p[i]) < 0) return false;
		v = v * 16 + (unsigned)hex(s.p[i]);
	}
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return true;
}

/* Groups between colons, the last of which may be an IPv4 address; how many bytes, or -1. */
static int parse_groups(struct mg_span s, bool last, uint8_t out[16])
{
	int n = 0;

	if (s.n == 0) return 0;
	while (s.p != NULL) {
		const struct mg_span part = span_cut(&s, ':');
		struct iptext v4;
		if (last && s.p == NULL && iptext_parse4(part, &v4)) {
			if (n > 12) return -1;
			memcpy(out + n, v4.ip + 12, 4);
			return n + 4;
		}
		if (n > 14 || !parse_h16(part, out + n)) return -1;
		n += 2;
	}
	return n;
}

/* RFC 4291 §2.2: eight groups, or fewer with one "::" for a run of zeros. */
bool iptext_parse6(struct mg_span text, struct iptext *out)
{
	const ptrdiff_t gap = span_find(text, SPAN("::"));
	uint8_t tail[16] = { 0 };

	*out = (struct iptext){ .family = 6 };
	if (gap < 0) {
		if (span_index(text, ':') < 0 || parse_groups(text, true, out->ip) != 16)
			return false;
	} else {
		const int before = parse_groups(span_first(text, (size_t)gap), false, out->ip);
		const int after = parse_groups(span_from(text, (size_t)gap + 2), true, tail);
		if (before < 0 || after < 0 || before + after > 14) return false;
		memcpy(out->ip + 16 - after, tail, (size_t)after);
	}
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (memcmp(out->ip, mapped, sizeof mapped) == 0) out->family = 4;
	return true;
}

bool iptext_parse(struct mg_span text, struct iptext *out)
{
	return iptext_parse4(text, out) || iptext_parse6(text, out);
}

static bool bit_is_set(const uint8_t ip[16], unsigned i)
{
	return (ip[i / 8] >> (7 - i % 8) & 1) != 0;
}

bool iptext_net_parse(struct mg_span text, struct iptext_net *out)
{
	struct iptext a;
	struct mg_span bits = text;
	const struct mg_span ip = span_cut(&bits, '/');
	const bool v4 = iptext_parse4(ip, &a);
	uint64_t n = v4 ? 32 : 128;

	*out = (struct iptext_net){ .local = span_eq(text, SPAN("unix")) };
	if (out->local) return true;
	if (!v4 && !iptext_parse6(ip, &a)) return false;
	if (bits.p != NULL && (bits.n > 3 || !span_u64(bits, n, &n))) return false;
	out->bits = (unsigned)n + (v4 ? 96 : 0);
	memcpy(out->ip, a.ip, sizeof out->ip);
	for (unsigned i = out->bits; i < 128; i++)
		if (bit_is_set(out->ip, i)) return false;
	return true;
}

bool iptext_net_has(const struct iptext_net *nets, size_t n, const uint8_t ip[16])
{
	for (size_t k = 0; k < n; k++) {
		const unsigned bytes = nets[k].bits / 8, rest = nets[k].bits % 8;
		if (nets[k].local || memcmp(nets[k].ip, ip, bytes) != 0) continue;
		if (rest == 0 || (nets[k].ip[bytes] ^ ip[bytes]) >> (8 - rest) == 0) return true;
	}
	return false;
}

bool iptext_net_has_local(const struct iptext_net *nets, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (nets[k].local) return true;
	return false;
}
