/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/proxyhead.h"

#include <string.h>

#define V1_MAX 107

static const char v2_signature[12] = { '\r', '\n', '\r', '\n', '\0', '\r',
				       '\n', 'Q',  'U',  'I',  'T',  '\n' };

static enum proxyhead_result bad(const char **reason, const char *why)
{
	*reason = why;
	return PROXYHEAD_BAD;
}

/* A port without leading zeros (§2.1). */
static bool parse_port(struct mg_span s, uint16_t *out)
{
	uint64_t port;

	if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[0] == '0') || !span_u64(s, 65535, &port))
		return false;
	*out = (uint16_t)port;
	return true;
}

/* §2.1: "PROXY" SP ( "TCP4" / "TCP6" ) SP source SP destination SP source-port SP destination-port CRLF,
 * or "PROXY" SP "UNKNOWN" anything CRLF. */
static enum proxyhead_result parse_v1(struct mg_span bytes, struct proxyhead *out, size_t *used,
				      const char **reason)
{
	const struct mg_span most = span_first(bytes, V1_MAX);
	const ptrdiff_t end = span_find(most, SPAN("\r\n"));
	struct iptext destination;
	uint16_t destination_port;

	if (end < 0)
		return most.n == V1_MAX ? bad(reason, "the PROXY line is longer than 107 bytes")
					: PROXYHEAD_MORE;
	struct mg_span rest = span_from(span_first(most, (size_t)end), strlen("PROXY "));
	*used = (size_t)end + 2;
	const struct mg_span family = span_cut(&rest, ' ');
	if (span_eq(family, SPAN("UNKNOWN"))) return PROXYHEAD_DONE;
	bool (*const parse)(struct mg_span, struct iptext *) =
		span_eq(family, SPAN("TCP4"))   ? iptext_parse4
		: span_eq(family, SPAN("TCP6")) ? iptext_parse6
						: NULL;
	if (parse == NULL) return bad(reason, "the PROXY line names no family that it may");
	out->told = true;
	if (!parse(span_cut(&rest, ' '), &out->source) ||
	    !parse(span_cut(&rest, ' '), &destination) ||
	    !parse_port(span_cut(&rest, ' '), &out->port) || rest.p == NULL ||
	    !parse_port(rest, &destination_port))
		return bad(reason, "the PROXY line has no proper addresses and ports");
	return PROXYHEAD_DONE;
}

static unsigned be16(const char *p)
{
	return (unsigned)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

/* §2.2.7: type, length (two bytes), value; to the end of the header. */
static bool tlvs_fit(struct mg_span s)
{
	while (s.n > 0) {
		if (s.n < 3 || be16(s.p + 1) > s.n - 3) return false;
		s = span_from(s, 3 + be16(s.p + 1));
	}
	return true;
}

/* §2.2: signature, version and command, family and transport, length (two bytes), then so many bytes of
 * addresses and TLVs. */
static enum proxyhead_result parse_v2(struct mg_span bytes, struct proxyhead *out, size_t *used,
				      const char **reason)
{
	enum {
		HEADER = 16,
		LOCAL = 0x20,
		PROXY = 0x21,
		UNSPECIFIED = 0x00,
		TCP4 = 0x11,
		TCP6 = 0x21,
		UNIX_STREAM = 0x31,
	};
	if (bytes.n < HEADER) return PROXYHEAD_MORE;
	const unsigned command = (uint8_t)bytes.p[12], family = (uint8_t)bytes.p[13];
	const size_t length = be16(bytes.p + 14);
	size_t addresses = 0;
	if (command != LOCAL && command != PROXY)
		return bad(reason, "the PROXY header has another version or command");
	if (HEADER + length > PROXYHEAD_MAX)
		return bad(reason, "the PROXY header is longer than 2048 bytes");
	if (bytes.n < HEADER + length) return PROXYHEAD_MORE;
	const struct mg_span rest = span_first(span_from(bytes, HEADER), length);
	*used = HEADER + length;
	/* What follows is to be skipped, whatever it is. */
	if (command == LOCAL || family == UNSPECIFIED) return PROXYHEAD_DONE;
	if (family == TCP4)
		addresses = 12;
	else if (family == TCP6)
		addresses = 36;
	else if (family == UNIX_STREAM)
		addresses = 216;
	else
		return bad(reason, "the PROXY header names no family that it may");
	if (length < addresses || !tlvs_fit(span_from(rest, addresses)))
		return bad(reason, "the PROXY header is too short for what it holds");
	if (family == UNIX_STREAM) return PROXYHEAD_DONE;
	out->told = true;
	out->source = (struct iptext){ .ip = { [10] = 0xff, [11] = 0xff }, .family = 4 };
	if (family == TCP4) {
		memcpy(out->source.ip + 12, rest.p, 4);
		out->port = (uint16_t)be16(rest.p + 8);
	} else {
		static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
		memcpy(out->source.ip, rest.p, 16);
		out->source.family = memcmp(rest.p, mapped, sizeof mapped) == 0 ? 4 : 6;
		out->port = (uint16_t)be16(rest.p + 32);
	}
	return PROXYHEAD_DONE;
}

enum proxyhead_result proxyhead_parse(struct mg_span bytes, struct proxyhead *out, size_t *used,
				      const char **reason)
{
	const struct mg_span v1 = SPAN("PROXY "), v2 = span_make(v2_signature, sizeof v2_signature);

	*out = (struct proxyhead){ 0 };
	if (span_has_prefix(bytes, v1)) return parse_v1(bytes, out, used, reason);
	if (span_has_prefix(bytes, v2)) return parse_v2(bytes, out, used, reason);
	/* §2: a receiver must not guess whether the header is there. */
	if (span_has_prefix(v1, bytes) || span_has_prefix(v2, bytes)) return PROXYHEAD_MORE;
	return bad(reason, "no PROXY header stands at the beginning");
}
