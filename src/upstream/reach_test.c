/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/reach.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void addresses(void **state)
{
	static const struct {
		const char *address;
		bool is_public, is_inside;
	} rows[] = {
		{ "8.8.8.8", true, true },
		{ "193.0.0.1", true, true },
		{ "2600::1", true, true },
		{ "2002:808:808::1", true, true },
		{ "64:ff9b::808:808", true, true },
		{ "::ffff:8.8.8.8", true, true },
		{ "10.0.0.1", false, true },
		{ "172.16.0.1", false, true },
		{ "172.31.255.255", false, true },
		{ "172.32.0.1", true, true },
		{ "192.168.1.1", false, true },
		{ "100.64.0.1", false, true },
		{ "100.128.0.1", true, true },
		{ "fd12::1", false, true },
		{ "::ffff:10.0.0.1", false, true },
		{ "2002:a00:1::1", false, true },
		{ "127.0.0.1", false, false },
		{ "127.255.255.254", false, false },
		{ "0.0.0.0", false, false },
		{ "0.1.2.3", false, false },
		{ "169.254.169.254", false, false },
		{ "100.100.100.200", false, false },
		{ "168.63.129.16", false, false },
		{ "192.0.0.192", false, false },
		{ "192.0.2.1", false, false },
		{ "198.19.255.255", false, false },
		{ "224.0.0.1", false, false },
		{ "255.255.255.255", false, false },
		{ "::", false, false },
		{ "::1", false, false },
		{ "::7f00:1", false, false },
		{ "::ffff:a9fe:a9fe", false, false },
		{ "::ffff:7f00:1", false, false },
		{ "64:ff9b::7f00:1", false, false },
		{ "64:ff9b::a9fe:a9fe", false, false },
		{ "64:ff9b:1::1", false, false },
		{ "2002:7f00:1::", false, false },
		{ "2001::1", false, false },
		{ "2001:db8::1", false, false },
		{ "fd00:ec2::254", false, false },
		{ "fd20:ce::254", false, false },
		{ "fe80::1", false, false },
		{ "fec0::1", false, false },
		{ "ff02::1", false, false },
		{ "100::1", false, false },
		{ "4000::1", false, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ipaddr a = ipaddr_parse(span_of(rows[i].address));
		print_message("%s\n", rows[i].address);
		assert_int_not_equal(a.bits, 0);
		assert_int_equal(reach_allows(REACH_PUBLIC, NULL, &a), rows[i].is_public);
		assert_int_equal(reach_allows(REACH_INSIDE, NULL, &a), rows[i].is_inside);
		assert_true(reach_allows(REACH_ANYWHERE, NULL, &a));
	}
	struct ipaddr none = { .bits = 0 };
	assert_false(reach_allows(REACH_INSIDE, NULL, &none));
}

static void networks(void **state)
{
	static const struct {
		const char *list, *address;
		bool allowed;
	} rows[] = {
		{ "10.1.0.0/16", "10.1.2.3", true },
		{ "10.1.0.0/16", "10.2.2.3", false },
		{ "10.1.0.0/16", "::ffff:10.1.2.3", true },
		{ "192.0.2.1, fd00:1::/32", "fd00:1:2::3", true },
		{ "192.0.2.1, fd00:1::/32", "192.0.2.1", true },
		{ "192.0.2.1, fd00:1::/32", "192.0.2.2", false },
		{ "127.0.0.0/8", "127.0.0.1", true },
		{ "0.0.0.0/0", "169.254.169.254", true },
		{ "0.0.0.0/0", "fe80::1", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ipaddr a = ipaddr_parse(span_of(rows[i].address));
		print_message("%s %s\n", rows[i].list, rows[i].address);
		assert_int_equal(reach_allows(REACH_PUBLIC, rows[i].list, &a), rows[i].allowed);
		assert_int_equal(reach_check_networks(span_of(rows[i].list), NULL), MG_OK);
	}
	static const char *const bad[] = { "10.0.0.0/33",   "10.0.0", "x",
					   "10.0.0.0/",     "::/129", "1.2.3.4,,",
					   "host.example/8" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct mg_err err = { 0 };
		print_message("%s\n", bad[i]);
		assert_int_equal(reach_check_networks(span_of(bad[i]), &err), MG_INVALID);
	}
	assert_int_equal(reach_check_networks(SPAN(""), NULL), MG_OK);
}

static void hosts(void **state)
{
	assert_true(reach_allows_host(REACH_PUBLIC, NULL, "git.example"));
	assert_false(reach_allows_host(REACH_PUBLIC, NULL, "localhost"));
	assert_false(reach_allows_host(REACH_INSIDE, NULL, "x.LOCALHOST."));
	assert_true(reach_allows_host(REACH_INSIDE, "127.0.0.1", "localhost"));
	assert_true(reach_allows_host(REACH_ANYWHERE, NULL, "localhost"));
	assert_false(reach_allows_host(REACH_PUBLIC, NULL, "[::1]"));
	assert_false(reach_allows_host(REACH_PUBLIC, NULL, "10.0.0.1"));
	assert_true(reach_allows_host(REACH_INSIDE, NULL, "10.0.0.1"));
}

static void of_sockets(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct ipaddr want = ipaddr_parse(SPAN("10.0.0.1"));
	struct ipaddr a = ipaddr_of((struct sockaddr *)&v4);
	assert_true(a.bits == 32 && ipaddr_in(&a, &want, 32));
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.0.0.1", &v6.sin6_addr), 1);
	a = ipaddr_of((struct sockaddr *)&v6);
	assert_true(a.bits == 32 && ipaddr_in(&a, &want, 32));
	assert_int_equal(ipaddr_of(&other).bits, 0);
	assert_int_equal(ipaddr_parse(SPAN("0177.0.0.1")).bits, 0);
	assert_int_equal(ipaddr_parse(span_make("1.2.3.4\0x", 9)).bits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(networks),
		cmocka_unit_test(hosts),
		cmocka_unit_test(of_sockets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
