/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/version.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Protocol §2.5, in ascending order. */
static const char *const sorted[] = {
	"junk",
	"v0.0.0-20200101000000-abcdefabcdef",
	"v0.0.0",
	"v1.0.0-20",
	"v1.0.0-1000",
	"v1.0.0-RC",
	"v1.0.0-alpha",
	"v1.0.0-alpha.1",
	"v1.0.0-alpha.beta",
	"v1.0.0-beta",
	"v1.0.0-beta.2",
	"v1.0.0-beta.11",
	"v1.0.0-rc.1",
	"v1.0.0-rc.1.0.20200101000000-abcdefabcdef",
	"v1.0.0-rc.1.1",
	"v1.0.0",
	"v1.0.0+a",
	"v1.0.0+b",
	"v1.0.1-0.20200101000000-abcdefabcdef",
	"v1.0.1-1",
	"v1.0.1-rc1",
	"v1.0.1",
	"v1.9.0",
	"v1.10.0",
	"v2.0.0+incompatible",
	"v99999999999999999999.0.0",
	"v100000000000000000000.0.0",
};
#define SORTED_COUNT (sizeof sorted / sizeof sorted[0])

static void order(void **state)
{
	for (size_t i = 0; i < SORTED_COUNT; i++)
		for (size_t j = 0; j < SORTED_COUNT; j++) {
			int c = version_order(span_of(sorted[i]), span_of(sorted[j]));
			assert_int_equal(c < 0, i < j);
			assert_int_equal(c > 0, i > j);
		}
	assert_int_equal(version_compare(SPAN("v1.0.0+a"), SPAN("v1.0.0+b")), 0);
	assert_int_equal(version_compare(SPAN("junk"), SPAN("")), 0);
	assert_int_equal(version_compare(SPAN("v1"), SPAN("v1.0.0")), 0);
}

static void sorting(void **state)
{
	struct mg_span list[SORTED_COUNT];
	for (size_t i = 0; i < SORTED_COUNT; i++)
		list[i] = span_of(sorted[(i * 7 + 3) % SORTED_COUNT]);
	version_sort(list, SORTED_COUNT);
	for (size_t i = 0; i < SORTED_COUNT; i++)
		assert_true(span_eq(list[i], span_of(sorted[i])));
	version_sort(list, 0);
}

static void validity(void **state)
{
	static const char *const bad[] = {
		"",          "1.2.3",       "v",         "v1.",         "v1.2.",
		"v01.2.3",   "v1.02.3",     "v1.2.03",   "v1.2.3.4",    "v1-pre",
		"v1.2-pre",  "v1+meta",     "v1.2+m",    "v1.2.3-",     "v1.2.3+",
		"v1.2.3-01", "v1.2.3-a..b", "v1.2.3-a.", "v1.2.3+a..b", "v1.2.3-a_b",
		"v1.2.3 ",   "V1.2.3",      "v1.2.x",    "v1.2.3-+m",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(version_is_valid(span_of(bad[i])));
		assert_int_equal(version_major(span_of(bad[i])).n, 0);
		assert_false(version_is_prerelease(span_of(bad[i])));
		assert_false(version_is_incompatible(span_of(bad[i])));
		struct mg_buf out = BUF_MAX(100);
		assert_false(version_canonical(span_of(bad[i]), &out));
		assert_int_equal(out.n, 0);
	}
	assert_true(version_is_valid(SPAN("v1.2.3-0+00")));
	assert_true(version_is_valid(SPAN("v1.2.3--")));
	assert_true(version_is_valid(SPAN("v1.2.3+a-b.0")));
}

static void canonical(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "v1", "v1.0.0" },
		{ "v1.2", "v1.2.0" },
		{ "v1.2.3", "v1.2.3" },
		{ "v1.2.3+meta", "v1.2.3" },
		{ "v1.2.3-pre+meta", "v1.2.3-pre" },
		{ "v2.0.0+incompatible", "v2.0.0+incompatible" },
		{ "v2.0.0+incompatible.1", "v2.0.0" },
	};
	struct mg_buf out = BUF_MAX(100);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_span in = span_of(rows[i].in), want = span_of(rows[i].out);
		buf_clear(&out);
		assert_true(version_canonical(in, &out));
		assert_true(span_eq(buf_span(&out), want));
		assert_int_equal(version_is_canonical(in), span_eq(in, want));
	}
	buf_deinit(&out);
	assert_true(span_eq(version_major(SPAN("v12.3.4-x")), SPAN("v12")));
	assert_true(version_is_prerelease(SPAN("v1.0.0-x")));
	assert_false(version_is_prerelease(SPAN("v1.0.0")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(sorting),
		cmocka_unit_test(validity),
		cmocka_unit_test(canonical),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
