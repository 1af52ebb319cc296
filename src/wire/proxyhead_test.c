/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/proxyhead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(command, family, high, low, rest)                                                       \
	{                                                                                          \
		SIGNATURE command family high low rest,                                            \
			sizeof(SIGNATURE command family high low rest) - 1                         \
	}
#define V1(text)                                                                                   \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
#define IP4_ADDRESSES "\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x01\xbb"
#define IP6_ADDRESSES                                                                              \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"     \
	"\x30\x39\x01\xbb"

struct bytes {
	const char *p;
	size_t n;
};

static const struct {
	struct bytes bytes;
	const char *source; /* NULL: the balancer's own */
	uint16_t port;
} good[] = {
	{ V1("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"), "192.0.2.1", 12345 },
	{ V1("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255",
	  65535 },
	{ V1("PROXY TCP6 2001:db8::1 2001:db8::2 0 443\r\n"), "2001:db8::1", 0 },
	{ V1("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "65535 65535\r\n"),
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535 },
	{ V1("PROXY UNKNOWN\r\n"), NULL, 0 },
	{ V1("PROXY UNKNOWN ffff::1 whatever\r\n"), NULL, 0 },
	{ V2("\x21", "\x11", "\0", "\x0c", IP4_ADDRESSES), "192.0.2.1", 12345 },
	{ V2("\x21", "\x21", "\0", "\x24", IP6_ADDRESSES), "2001:db8::1", 12345 },
	{ V2("\x21", "\x11", "\0", "\x14", IP4_ADDRESSES "\x01\0\x02h2\x04\0\0"), "192.0.2.1",
	  12345 },
	{ V2("\x20", "\0", "\0", "\0", ""), NULL, 0 },
	{ V2("\x20", "\x11", "\0", "\x0c", IP4_ADDRESSES), NULL, 0 },
	{ V2("\x21", "\0", "\0", "\x03", "\xff\xff\xff"), NULL, 0 },
};

static const struct bytes refused[] = {
	V1("GET / HTTP/1.1\r\n"),
	V1("proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n"),
	V1("PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n"),
	V1("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"),
	V1("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"),
	V1("PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n"),
	V1("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"),
	V1("PROXY TCP4 2001:db8::1 198.51.100.2 1 2\r\n"),
	V1("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"),
	V1("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n\r\n"),
	V1("PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n"),
	V1("PROXY \r\n"),
	V1("PROXY TCP4\r\n"),
	V1("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789"
	   "0123456789012345678901234567890123456789"),
	V1("\r\n\r\n\r\n"),
	V2("\x11", "\x11", "\0", "\x0c", IP4_ADDRESSES), /* version 1 */
	V2("\x22", "\x11", "\0", "\x0c", IP4_ADDRESSES), /* no such command */
	V2("\x21", "\x12", "\0", "\x0c", IP4_ADDRESSES), /* datagrams */
	V2("\x21", "\x41", "\0", "\x0c", IP4_ADDRESSES), /* no such family */
	V2("\x21", "\x11", "\0", "\x0b", IP4_ADDRESSES), /* too short */
	V2("\x21", "\x21", "\0", "\x0c", IP4_ADDRESSES),
	V2("\x21", "\x31", "\0", "\x0c", IP4_ADDRESSES),
	V2("\x21", "\x11", "\0", "\x0f", IP4_ADDRESSES "\x01\0\x02"), /* a TLV beyond the end */
	V2("\x21", "\x11", "\0", "\x0e", IP4_ADDRESSES "\x01\0"),
	V2("\x21", "\x11", "\x08", "\0", ""), /* longer than we read */
};

static enum proxyhead_result parse(const char *p, size_t n, struct proxyhead *h, size_t *used)
{
	const char *reason = NULL;
	const enum proxyhead_result result = proxyhead_parse(span_make(p, n), h, used, &reason);

	assert_true((result == PROXYHEAD_BAD) == (reason != NULL));
	return result;
}

static void headers(void **state)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const struct bytes b = good[i].bytes;
		char whole[512];
		struct proxyhead h;
		struct iptext ip;
		size_t used = 0;
		memcpy(whole, b.p, b.n);
		memcpy(whole + b.n, "GET / HTTP/1.1\r\n", 16);
		if (parse(whole, b.n + 16, &h, &used) != PROXYHEAD_DONE) fail_msg("case %zu", i);
		assert_int_equal(used, b.n);
		assert_int_equal(h.told, good[i].source != NULL);
		if (h.told) {
			assert_true(iptext_parse(span_of(good[i].source), &ip));
			assert_memory_equal(&h.source, &ip, sizeof ip);
			assert_int_equal(h.port, good[i].port);
		}
		for (size_t n = 0; n < b.n; n++)
			if (parse(b.p, n, &h, &used) != PROXYHEAD_MORE)
				fail_msg("case %zu, the first %zu bytes", i, n);
	}
}

static void refusals(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct proxyhead h;
		size_t used;
		if (parse(refused[i].p, refused[i].n, &h, &used) != PROXYHEAD_BAD)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
