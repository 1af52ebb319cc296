/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/sumroute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_routes(void **state)
{
	static const struct {
		const char *path, *name;
		enum sumroute route;
		const char *what;
	} cases[] = {
		{ "/sumdb/sum.example/supported", "sum.example", SUMROUTE_SUPPORTED, NULL },
		{ "/sumdb/sum.example/db/supported", "sum.example/db", SUMROUTE_SUPPORTED, NULL },
		{ "/sumdb/sum.example/latest", "sum.example", SUMROUTE_ASK, "latest" },
		{ "/sumdb/sum.example/lookup/example.com/!m@v1.0.0", "sum.example", SUMROUTE_ASK,
		  "lookup/example.com/!m@v1.0.0" },
		{ "/sumdb/sum.example/lookup/example.com/%21m@v1.0.0", "sum.example", SUMROUTE_ASK,
		  "lookup/example.com/!m@v1.0.0" },
		{ "/sumdb/sum.example/tile/8/0/x001/000.p/5", "sum.example", SUMROUTE_ASK,
		  "tile/8/0/x001/000.p/5" },
		{ "/sumdb/sum.example", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/sumdb/sum.example/", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/sumdb/sum.example2/supported", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/sumdb/other.example/supported", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/sumdb//supported", "", SUMROUTE_REFUSED, NULL },
		{ "/sumdb/sum.example/latest", "", SUMROUTE_REFUSED, NULL },
		{ "/sumdb/sum.example/lookup/a%2fb@v1", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/lookup/example.com/m@v1.0.0", "sum.example", SUMROUTE_ASK,
		  "lookup/example.com/m@v1.0.0" },
		{ "/tile/8/0/000", "sum.example", SUMROUTE_ASK, "tile/8/0/000" },
		{ "/latest", "sum.example", SUMROUTE_ASK, "latest" },
		{ "/supported", "sum.example", SUMROUTE_SUPPORTED, NULL },
		{ "/sumdb/also.example/supported", "sum.example", SUMROUTE_SUPPORTED, NULL },
		{ "/sumdb/also.example/latest", "sum.example", SUMROUTE_ASK,
		  "@also.example/latest" },
		{ "/sumdb/also.example/latest", "", SUMROUTE_ASK, "@also.example/latest" },
		{ "/sumdb/deep.example/db/lookup/m.example/%21x@v1.0.0", "", SUMROUTE_ASK,
		  "@deep.example/db/lookup/m.example/!x@v1.0.0" },
		{ "/sumdb/also.example/x", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/sumdb/also.example2/latest", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/sumdb/@also.example/latest", "sum.example", SUMROUTE_REFUSED, NULL },
		{ "/@also.example/latest", "sum.example", SUMROUTE_NONE, NULL },
		{ "/supported", "", SUMROUTE_NONE, NULL },
		{ "/latest", "", SUMROUTE_NONE, NULL },
		{ "/lookup/m/@v/list", "sum.example", SUMROUTE_NONE, NULL },
		{ "/lookup/m/@latest", "sum.example", SUMROUTE_NONE, NULL },
		{ "/example.com/m/@v/list", "sum.example", SUMROUTE_NONE, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		static const char *const more[] = { "also.example", "deep.example/db" };
		const struct sumroute_names names = { cases[i].name, more, 2 };
		struct arena a = ARENA_INIT;
		struct mg_span what = { 0 };
		struct mg_err err;
		assert_int_equal(sumroute_of(span_of(cases[i].path), &names, &a, &what, &err),
				 cases[i].route);
		if (cases[i].what != NULL) assert_true(span_eq(what, span_of(cases[i].what)));
		arena_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_routes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
