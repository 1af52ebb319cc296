/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tls/servername.h"

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static void names_that_nobody_asks_for_are_not_taken(void **state)
{
	static const struct {
		const char *pattern;
		bool taken;
	} cases[] = {
		{ "go.example.com", true },
		{ "GO.Example.COM.", true },
		{ "*.example.com", true },
		{ "localhost", true },
		{ "_x.example.com", true },
		{ LABEL63 ".example.com", true },
		{ "4.example.com", true },
		{ "", false },
		{ ".", false },
		{ "*", false },
		{ "*.", false },
		{ "a..b", false },
		{ ".a", false },
		{ "f*.example.com", false },
		{ "a.*.example.com", false },
		{ "*.*.example.com", false },
		{ "192.0.2.1", false },
		{ "[::1]", false },
		{ "::1", false },
		{ "a b", false },
		{ "x/y", false },
		{ "m\xc3\xbcller.example", false },
		{ LABEL63 "h.example.com", false },
		{ LABEL63 "." LABEL63 "." LABEL63 "." LABEL63, false },
	};
	struct servername_table t = { 0 };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (servername_add(&t, span_of(cases[i].pattern), i) != cases[i].taken)
			fail_msg("\"%s\"", cases[i].pattern);
	/* A NUL inside must not shorten the name. */
	assert_false(servername_add(&t, SPAN("good.example\0.evil.example"), 0));
	servername_deinit(&t);
}

static void exact_before_wildcard_before_nobody(void **state)
{
	static const char *const names[][4] = {
		{ "default.example" },
		{ "*.example.com", "example.com" },
		{ "go.example.com", "proxy.example.org" },
		{ "*.corp.example.com", "go.example.com" },
		{ "*.com" },
	};
	static const struct {
		const char *asked;
		int owner;
	} cases[] = {
		{ "default.example", 0 },
		{ "go.example.com", 2 },
		{ "GO.EXAMPLE.COM.", 2 },
		{ "other.example.com", 1 },
		{ "example.com", 1 },
		{ "a.b.example.com", -1 },
		{ "a.corp.example.com", 3 },
		{ "corp.example.com", 1 },
		{ "proxy.example.org", 2 },
		{ "x.proxy.example.org", -1 },
		{ "b.com", 4 },
		{ "com", -1 },
		{ "unknown.example", -1 },
		{ "", -1 },
		{ "127.0.0.1", -1 },
		{ "*.example.com", -1 },
		{ ".example.com", -1 },
		{ "xexample.com", 4 },
		{ "default.exampl", -1 },
		{ "default.example0", -1 },
		{ "evil\r\n.example.com", -1 },
	};
	struct servername_table t = { 0 };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		for (size_t k = 0; k < 4 && names[i][k] != NULL; k++)
			assert_true(servername_add(&t, span_of(names[i][k]), i));
	servername_sort(&t);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t owner = 99;
		bool found = servername_find(&t, span_of(cases[i].asked), &owner);
		if (found != (cases[i].owner >= 0) || (found && (int)owner != cases[i].owner))
			fail_msg("\"%s\": %d %zu", cases[i].asked, found, owner);
	}
	servername_deinit(&t);
}

static void empty_table_and_many_names(void **state)
{
	struct servername_table t = { 0 };
	size_t owner;
	char name[64];

	servername_sort(&t);
	assert_false(servername_find(&t, SPAN("a.example"), &owner));
	for (size_t i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "h%zu.example", i * 7919 % 3000);
		assert_true(servername_add(&t, span_of(name), i * 7919 % 3000));
	}
	servername_sort(&t);
	for (size_t i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "H%zu.Example", i);
		assert_true(servername_find(&t, span_of(name), &owner));
		assert_int_equal(owner, i);
	}
	servername_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_nobody_asks_for_are_not_taken),
		cmocka_unit_test(exact_before_wildcard_before_nobody),
		cmocka_unit_test(empty_table_and_many_names),
	};

	return cmocka_run_group_tests_name("servername", tests, NULL, NULL);
}
