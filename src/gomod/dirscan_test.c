/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/dirscan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIELDS "------------------------------------------" /* the 42 bytes between */
#define HEADER "PK\x01\x02" FIELDS

static const struct {
	const char *name;
	struct mg_span bytes;
	uint64_t clear;
} cases[] = {
	{ "nothing", SPAN(""), 0 },
	{ "no header", SPAN("PK\x03\x04 some bytes, and PK, and PPPKKK"), 35 },
	{ "at the start", SPAN(HEADER "a.b/c@v1.0.0/go.mod"), 0 },
	{ "behind data", SPAN("data PK" HEADER "a.b/c@v1.0.0/go.mod and more"), 7 },
	{ "a zip within", SPAN("12" HEADER "inner.txt 45" HEADER "a.b/c@v1.0.0/x"), 60 },
	{ "the same module, another version", SPAN("12" HEADER "a.b/c@v1.0.1/x"), 62 },
	{ "a signature before the header", SPAN("1PK\x01\x02" HEADER "a.b/c@v1.0.0/x"), 5 },
	{ "the signature alone", SPAN("123PK\x01\x02"), 3 },
	{ "half a signature", SPAN("123PK\x01"), 3 },
	{ "not even the name", SPAN("123" HEADER "a.b/"), 3 },
	{ "a name that has gone another way", SPAN("123" HEADER "a.c/"), 53 },
	{ "the name without its slash", SPAN("123" HEADER "a.b/c@v1.0.0"), 3 },
	{ "two of them", SPAN("1" HEADER "a.b/c@v1.0.0/x" HEADER "a.b/c@v1.0.0/y"), 1 },
};

static uint64_t run(struct mg_span bytes, size_t step)
{
	struct dirscan d;
	uint64_t clear = 0;
	size_t fed = 0;
	dirscan_init(&d, SPAN("a.b/c"), SPAN("v1.0.0"));
	while (fed < bytes.n) {
		const struct mg_span part = span_first(span_from(bytes, fed), step);
		const uint64_t now = dirscan_feed(&d, part);
		fed += part.n;
		assert_true(now >= clear && now <= fed);
		clear = now;
	}
	dirscan_deinit(&d);
	return clear;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t step = 1; step <= cases[i].bytes.n + 1; step++) {
			const uint64_t clear = run(cases[i].bytes, step);
			if (clear != cases[i].clear)
				fail_msg("%s in steps of %zu: %llu", cases[i].name, step,
					 (unsigned long long)clear);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
