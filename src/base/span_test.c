/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/span.h"

static void test_prefix_suffix(void **state)
{
	assert_true(span_has_prefix(SPAN("abc"), SPAN("ab")));
	assert_true(span_has_prefix(SPAN("abc"), SPAN("")));
	assert_false(span_has_prefix(SPAN("ab"), SPAN("abc")));
	assert_true(span_has_suffix(SPAN("abc"), SPAN("bc")));
	assert_false(span_has_suffix(SPAN("abc"), SPAN("ab")));
	assert_true(span_eq(span_from(SPAN("abc"), 1), SPAN("bc")));
	assert_true(span_eq(span_from(SPAN("abc"), 9), SPAN("")));
	assert_true(span_eq(span_first(SPAN("abc"), 2), SPAN("ab")));
	assert_true(span_eq(span_first(SPAN("abc"), 9), SPAN("abc")));
	assert_int_equal(span_of(NULL).n, 0);
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void test_cmp(void **state)
{
	static const char *const sorted[] = { "", "A", "a", "aa", "ab", "b", "\xff" };
	int n = (int)(sizeof sorted / sizeof sorted[0]);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			assert_int_equal(sign(span_cmp(span_of(sorted[i]), span_of(sorted[k]))),
					 sign(i - k));
}

static void test_eq_nocase(void **state)
{
	assert_true(span_eq_nocase(SPAN("Content-LENGTH"), SPAN("cONTENT-length")));
	assert_true(span_eq_nocase(SPAN(""), SPAN("")));
	assert_false(span_eq_nocase(SPAN("a"), SPAN("ab")));
	assert_false(span_eq_nocase(SPAN("@"), SPAN("`")));
	assert_false(span_eq_nocase(SPAN("["), SPAN("{")));
	assert_false(span_eq_nocase(SPAN("\xc4"), SPAN("\xe4")));
}

static void test_index(void **state)
{
	static const struct {
		const char *s, *needle;
		ptrdiff_t at;
	} cases[] = {
		{ "hello", "l", 2 },     { "hello", "lo", 3 },    { "hello", "", 0 },
		{ "", "", 0 },           { "", "x", -1 },         { "aaab", "aab", 1 },
		{ "hello", "hello", 0 }, { "hell", "hello", -1 }, { "abcabd", "abd", 3 },
		{ "abc", "cd", -1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(span_find(span_of(cases[i].s), span_of(cases[i].needle)),
				 cases[i].at);
	assert_int_equal(span_index(SPAN("a/b/c"), '/'), 1);
	assert_int_equal(span_last_index(SPAN("a/b/c"), '/'), 3);
	assert_int_equal(span_index(SPAN("abc"), '/'), -1);
	assert_int_equal(span_last_index(SPAN("abc"), '/'), -1);
	assert_int_equal(span_index((struct mg_span){ 0 }, '/'), -1);
}

static void test_trim(void **state)
{
	assert_true(span_eq(span_trim(SPAN(" \t\r\n a b \n")), SPAN("a b")));
	assert_int_equal(span_trim(SPAN(" \t")).n, 0);
	assert_int_equal(span_trim(SPAN("")).n, 0);
	assert_true(span_eq(span_trim(SPAN("\va")), SPAN("\va")));
}

static void test_cut_visits_each_field_once(void **state)
{
	static const struct {
		const char *in, *joined;
	} cases[] = { { "a,b,c", "[a][b][c]" }, { "a,", "[a][]" },  { "", "[]" },
		      { ",", "[][]" },          { "abc", "[abc]" }, { ",,x", "[][][x]" } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char joined[64] = "";
		struct mg_span rest = span_of(cases[i].in);
		while (rest.p != NULL) {
			struct mg_span field = span_cut(&rest, ',');
			strncat(joined, "[", 2);
			strncat(joined, field.p, field.n);
			strncat(joined, "]", 2);
		}
		assert_string_equal(joined, cases[i].joined);
	}
}

static void test_u64(void **state)
{
	static const struct {
		const char *in;
		uint64_t max;
		bool ok;
		uint64_t v;
	} cases[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "7", 5, false, 0 },
		{ "10", 10, true, 10 },
		{ "11", 10, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999", UINT64_MAX, false, 0 },
		{ "", 10, false, 0 },
		{ "01", 10, false, 0 },
		{ "00", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "1a", 10, false, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t v = 77;
		assert_int_equal(span_u64(span_of(cases[i].in), cases[i].max, &v), cases[i].ok);
		assert_int_equal(v, cases[i].ok ? cases[i].v : 77);
	}
}

static void *hash_in_thread(void *out)
{
	*(uint64_t *)out = span_hash(SPAN("the same key"));
	return NULL;
}

/* First of all tests, so that the threads race for the seed. */
static void test_hash_is_one_for_all_threads(void **state)
{
	pthread_t threads[4];
	uint64_t hashes[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hash_in_thread, &hashes[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < 4; i++)
		assert_int_equal(hashes[i], hashes[0]);
}

static void test_hash_spreads(void **state)
{
	char bytes[40] = "";
	int buckets[64] = { 0 };
	for (size_t n = 0; n <= sizeof bytes; n++)
		for (size_t i = 0; i < n; i++)
			for (int v = 1; v < 256; v++) {
				bytes[i] = (char)v;
				buckets[span_hash(span_make(bytes, n)) & 63]++;
				bytes[i] = 0;
			}
	int total = 255 * 40 * 41 / 2;
	for (int i = 0; i < 64; i++)
		assert_in_range(buckets[i], total / 64 * 9 / 10, total / 64 * 11 / 10);
	assert_true(span_hash(SPAN("\0")) != span_hash(SPAN("\0\0")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_is_one_for_all_threads),
		cmocka_unit_test(test_prefix_suffix),
		cmocka_unit_test(test_cmp),
		cmocka_unit_test(test_eq_nocase),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_cut_visits_each_field_once),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_hash_spreads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
