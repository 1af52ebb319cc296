/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/goenv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void values(void **state)
{
	struct mg_span file = SPAN("# comment=1\n"
				   "GOPROXY=https://a.example,direct\n"
				   "\n"
				   "=x\n"
				   "goproxy=no\n"
				   " GOSUMDB=no\n"
				   "GOPRIVATE= *.example \n"
				   "GONOPROXY\n"
				   "GOFLAGS=-a=b\r\n"
				   "GOPROXY=https://b.example");
	struct mg_span v;
	assert_true(goenv_get(file, "GOPROXY", &v));
	assert_true(span_eq(v, SPAN("https://b.example")));
	assert_true(goenv_get(file, "GOPRIVATE", &v));
	assert_true(span_eq(v, SPAN(" *.example ")));
	assert_true(goenv_get(file, "GOFLAGS", &v));
	assert_true(span_eq(v, SPAN("-a=b\r")));
	assert_false(goenv_get(file, "GOSUMDB", &v));
	assert_false(goenv_get(file, "GONOPROXY", &v));
	assert_false(goenv_get(file, "goproxy", &v));
	assert_false(goenv_get((struct mg_span){ 0 }, "GOPROXY", &v));
	assert_true(goenv_get(SPAN("A="), "A", &v));
	assert_int_equal(v.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(values) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
