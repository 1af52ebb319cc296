/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/iptext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void addresses(void **state)
{
	static const struct {
		const char *text;
		unsigned family; /* 0: none */
		uint8_t ip[16];
	} cases[] = {
		{ "192.0.2.1", 4, { [10] = 255, 255, 192, 0, 2, 1 } },
		{ "0.0.0.0", 4, { [10] = 255, 255 } },
		{ "255.255.255.255", 4, { [10] = 255, 255, 255, 255, 255, 255 } },
		{ "::", 6, { 0 } },
		{ "::1", 6, { [15] = 1 } },
		{ "1::", 6, { [1] = 1 } },
		{ "2001:DB8::8:800:200C:417a",
		  6,
		  { 0x20, 0x01, 0x0d, 0xb8, [9] = 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a } },
		{ "1:2:3:4:5:6:7:8", 6, { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } },
		{ "1:2:3:4:5:6:7::", 6, { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7 } },
		{ "::ffff:192.0.2.1", 4, { [10] = 255, 255, 192, 0, 2, 1 } },
		{ "::ffff:c000:201", 4, { [10] = 255, 255, 192, 0, 2, 1 } },
		{ "64:ff9b::192.0.2.33", 6, { 0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 33 } },
		{ "", 0, { 0 } },
		{ "1.2.3", 0, { 0 } },
		{ "1.2.3.4.5", 0, { 0 } },
		{ "1.2.3.256", 0, { 0 } },
		{ "01.2.3.4", 0, { 0 } },
		{ "1.2.3.4 ", 0, { 0 } },
		{ "1..3.4", 0, { 0 } },
		{ "-1.2.3.4", 0, { 0 } },
		{ ":", 0, { 0 } },
		{ ":::", 0, { 0 } },
		{ "1::2::3", 0, { 0 } },
		{ "1:2:3:4:5:6:7", 0, { 0 } },
		{ "1:2:3:4:5:6:7:8:9", 0, { 0 } },
		{ "1:2:3:4::5:6:7:8", 0, { 0 } },
		{ "12345::", 0, { 0 } },
		{ "g::", 0, { 0 } },
		{ "fe80::1%eth0", 0, { 0 } },
		{ "::1.2.3.4:5", 0, { 0 } },
		{ "1:2:3:4:5:6:7:1.2.3.4", 0, { 0 } },
		{ "abcd", 0, { 0 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct iptext a;
		const bool ok = iptext_parse(span_of(cases[i].text), &a);
		if (ok != (cases[i].family != 0)) fail_msg("%s: %d", cases[i].text, ok);
		if (!ok) continue;
		assert_int_equal(a.family, cases[i].family);
		if (memcmp(a.ip, cases[i].ip, 16) != 0) fail_msg("%s", cases[i].text);
	}
}

static void networks(void **state)
{
	static const struct {
		const char *net, *in, *out;
	} good[] = {
		{ "10.0.0.0/8", "10.255.0.1", "11.0.0.0" },
		{ "192.0.2.128/25", "192.0.2.200", "192.0.2.127" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "192.0.2.7", "::ffff:192.0.2.7", "::192.0.2.7" },
		{ "0.0.0.0/0", "203.0.113.9", "2001:db8::1" },
		{ "::/0", "203.0.113.9", NULL },
		{ "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
		{ "::1", "::1", "::2" },
	};
	static const char *const bad[] = { "",          "10.0.0.1/8",  "10.0.0.0/33",
					   "10.0.0.0/", "10.0.0.0/-1", "/8",
					   "::/129",    "host",        "10.0.0.0/8/8",
					   "unix/8",    "::1/0" };
	struct iptext_net net;
	struct iptext a;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(iptext_net_parse(span_of(good[i].net), &net));
		assert_true(iptext_parse(span_of(good[i].in), &a));
		assert_true(iptext_net_has(&net, 1, a.ip));
		assert_false(iptext_net_has_local(&net, 1));
		if (good[i].out == NULL) continue;
		assert_true(iptext_parse(span_of(good[i].out), &a));
		if (iptext_net_has(&net, 1, a.ip)) fail_msg("%s", good[i].net);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (iptext_net_parse(span_of(bad[i]), &net)) fail_msg("%s", bad[i]);
	assert_true(iptext_net_parse(SPAN("unix"), &net));
	assert_true(iptext_net_has_local(&net, 1));
	assert_false(iptext_net_has(&net, 1, (const uint8_t[16]){ 0 }));
	assert_false(iptext_net_has(NULL, 0, (const uint8_t[16]){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(networks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
