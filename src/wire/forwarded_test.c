/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Trusted: 10.0.0.0/8 and 2001:db8::/32. */
static const struct {
	const char *value;
	const char *client; /* NULL: it says nothing */
} x_forwarded_for[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "198.51.100.7, 192.0.2.1", "192.0.2.1" }, /* what stands left of it, anybody can write */
	{ "198.51.100.7, 192.0.2.1, 10.1.1.1", "192.0.2.1" },
	{ "192.0.2.1,10.1.1.1,10.2.2.2", "192.0.2.1" },
	{ "10.1.1.1, 10.2.2.2", "10.1.1.1" },
	{ "unknown, 10.2.2.2", "10.2.2.2" },
	{ "192.0.2.1, junk, 10.2.2.2", "10.2.2.2" },
	{ "192.0.2.1:4711", "192.0.2.1" },
	{ "[2001:db9::1]:4711, 2001:db8::5", "2001:db9::1" },
	{ "2001:db9::1", "2001:db9::1" },
	{ "[2001:db9::1]", "2001:db9::1" },
	{ "192.0.2.1, ,", "192.0.2.1" },
	{ "", NULL },
	{ "unknown", NULL },
	{ "192.0.2.1:x", NULL },
	{ "[2001:db9::1", NULL },
	{ "[2001:db9::1]x", NULL },
	{ "192.0.2.1 10.1.1.1", NULL },
	{ "\", 192.0.2.1", "192.0.2.1" }, /* a comma is a comma here */
	{ "192.0.2.9, \", 192.0.2.1, 10.1.1.1", "192.0.2.1" },
}, rfc7239[] = {
	{ "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60" },
	{ "for=198.51.100.1, For=\"[2001:db9:cafe::17]:4711\"", "2001:db9:cafe::17" },
	{ "for=192.0.2.43, for=10.0.0.1", "192.0.2.43" },
	{ "proto=https ; for=192.0.2.43", "192.0.2.43" },
	{ "for=192.0.2.1, for=_hidden, for=10.0.0.1", "10.0.0.1" },
	{ "for=\"192.0.2.1, for=198.51.100.1\"", NULL }, /* one quoted string */
	{ "for=192.0.2.1;host=\"a, for=198.51.100.2\"", "192.0.2.1" },
	/* A client's open quote, before what the proxy adds. */
	{ "for=192.0.2.9;x=\", for=192.0.2.1", "192.0.2.1" },
	{ "for=\", for=\"[2001:db9::1]\"", "2001:db9::1" },
	{ "for=192.0.2.9, for=\", for=10.0.0.1", "10.0.0.1" },
	{ "for=192.0.2.9;x=\"\\\", for=192.0.2.1;by=\"\\\"\\\\\"", "192.0.2.1" },
	/* A client's Host, which the proxy quotes. */
	{ "host=\"a;for=192.0.2.9;b\";for=192.0.2.1", "192.0.2.1" },
	{ "host=\"a\\\";for=192.0.2.9;b\";for=192.0.2.1", "192.0.2.1" },
	{ "by=10.0.0.1", NULL },
	{ "for=unknown", NULL },
	{ "192.0.2.1", NULL },
};

static void check(const char *value, const char *client, bool standard)
{
	struct iptext_net trusted[2];
	struct iptext wanted, got;

	assert_true(iptext_net_parse(SPAN("10.0.0.0/8"), &trusted[0]));
	assert_true(iptext_net_parse(SPAN("2001:db8::/32"), &trusted[1]));
	const bool found = standard ? forwarded_rfc7239(span_of(value), trusted, 2, &got)
				    : forwarded_for(span_of(value), trusted, 2, &got);
	if (found != (client != NULL)) fail_msg("%s: %d", value, found);
	if (!found) return;
	assert_true(iptext_parse(span_of(client), &wanted));
	if (memcmp(wanted.ip, got.ip, 16) != 0) fail_msg("%s is not %s", value, client);
}

static void the_nearest_untrusted(void **state)
{
	for (size_t i = 0; i < sizeof x_forwarded_for / sizeof x_forwarded_for[0]; i++)
		check(x_forwarded_for[i].value, x_forwarded_for[i].client, false);
	for (size_t i = 0; i < sizeof rfc7239 / sizeof rfc7239[0]; i++)
		check(rfc7239[i].value, rfc7239[i].client, true);
}

static void an_absent_field(void **state)
{
	struct iptext got;

	assert_false(forwarded_for((struct mg_span){ 0 }, NULL, 0, &got));
	assert_false(forwarded_rfc7239((struct mg_span){ 0 }, NULL, 0, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_untrusted),
		cmocka_unit_test(an_absent_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
