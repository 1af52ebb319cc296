/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/gosumdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KEY "sum.example.org+59a925b1+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"

static void test_values(void **state)
{
	static const struct {
		const char *value, *name, *url;
		bool off, direct, invalid;
	} cases[] = {
		{ "off", .off = true },
		{ " off ", .off = true },
		{ "", "sum.golang.org", "https://sum.golang.org" },
		{ "sum.golang.org", "sum.golang.org", "https://sum.golang.org" },
		{ "sum.golang.org  https://modgate.example/db/", "sum.golang.org",
		  "https://modgate.example/db", .direct = true },
		{ "sum.golang.google.cn", "sum.golang.org", "https://sum.golang.google.cn",
		  .direct = true },
		{ KEY, "sum.example.org", "https://sum.example.org" },
		{ KEY " http://127.0.0.1:8080", "sum.example.org", "http://127.0.0.1:8080",
		  .direct = true },
		{ "sum.example.org", .invalid = true },
		{ KEY "x", .invalid = true },
		{ KEY " ftp://x", .invalid = true },
		{ "off https://x", .invalid = true },
		{ KEY " https://x y", .invalid = true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena a = ARENA_INIT;
		struct gosumdb db;
		struct mg_err err;
		const enum mg_code rc = gosumdb_parse(span_of(cases[i].value), &a, &db, &err);
		assert_int_equal(rc, cases[i].invalid ? MG_INVALID : MG_OK);
		if (rc == MG_OK) {
			assert_int_equal(db.off, cases[i].off);
			assert_int_equal(db.direct, cases[i].direct);
		}
		if (rc == MG_OK && !db.off) {
			assert_string_equal(db.key.name, cases[i].name);
			assert_string_equal(db.url, cases[i].url);
		}
		arena_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_values) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
