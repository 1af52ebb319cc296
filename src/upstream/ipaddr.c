/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/ipaddr.h"

#include <arpa/inet.h>

struct ipaddr ipaddr_parse(struct mg_span s)
{
	struct ipaddr a = { .bits = 0 };
	char text[64];
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') s = span_make(s.p + 1, s.n - 2);
	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n) != NULL) return a;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.bits = 32;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.bits = 128;
	return a;
}

struct ipaddr ipaddr_of(const struct sockaddr *sa)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ipaddr a = { .bits = 0 };
	if (sa->sa_family == AF_INET) {
		a.bits = 32;
		memcpy(a.bytes, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		a.bits = 128;
		memcpy(a.bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		if (memcmp(a.bytes, mapped, sizeof mapped) == 0) {
			a.bits = 32;
			memmove(a.bytes, a.bytes + 12, 4);
		}
	}
	return a;
}

bool ipaddr_in(const struct ipaddr *a, const struct ipaddr *net, unsigned prefix)
{
	if (a->bits != net->bits || prefix > a->bits) return false;
	if (memcmp(a->bytes, net->bytes, prefix / 8) != 0) return false;
	unsigned rest = prefix % 8;
	unsigned mask = (0xff00u >> rest) & 0xff;
	return rest == 0 || ((a->bytes[prefix / 8] ^ net->bytes[prefix / 8]) & mask) == 0;
}

bool ipaddr_is_loopback(const struct ipaddr *a)
{
	static const struct ipaddr v4 = { .bytes = { 127 }, .bits = 32 };
	static const struct ipaddr v6 = { .bytes = { [15] = 1 }, .bits = 128 };
	return ipaddr_in(a, &v4, 8) || ipaddr_in(a, &v6, 128);
}
