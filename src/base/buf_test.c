/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/buf.h"

static void test_appends(void **state)
{
	struct mg_buf b = BUF_MAX(1000);
	assert_true(buf_append(&b, SPAN("ab")));
	assert_true(buf_append(&b, (struct mg_span){ 0 }));
	assert_true(buf_append_str(&b, "cd"));
	assert_true(buf_append_char(&b, '-'));
	assert_true(buf_append_u64(&b, 0));
	assert_true(buf_append_u64(&b, UINT64_MAX));
	assert_true(buf_printf(&b, "<%s:%d>", "x", -5));
	assert_string_equal(buf_cstr(&b), "abcd-018446744073709551615<x:-5>");
	assert_int_equal(buf_span(&b).n, strlen(b.p));
	buf_deinit(&b);
	assert_null(b.p);
	assert_true(buf_append_str(&b, "again"));
	buf_deinit(&b);
}

static void test_maximum_is_exact_and_failure_sticks(void **state)
{
	struct mg_buf b = BUF_MAX(4);
	assert_true(buf_append_str(&b, "1234"));
	assert_string_equal(buf_cstr(&b), "1234");
	assert_true(buf_append_str(&b, ""));
	assert_false(buf_append_char(&b, '5'));
	assert_true(buf_failed(&b));
	assert_int_equal(b.n, 0);
	assert_false(buf_append_char(&b, '1'));
	assert_false(buf_printf(&b, "%d", 1));
	assert_null(buf_reserve(&b, 0));
	assert_null(buf_cstr(&b));
	buf_clear(&b);
	assert_true(buf_printf(&b, "%d", 1234));
	assert_false(buf_printf(&b, "%d", 1234));
	buf_deinit(&b);
	assert_false(buf_failed(&b));
}

static void test_huge_request_does_not_wrap(void **state)
{
	struct mg_buf b = BUF_MAX(100);
	assert_true(buf_append_str(&b, "x"));
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_true(buf_failed(&b));
	buf_deinit(&b);
}

static void test_reserve_and_consume(void **state)
{
	struct mg_buf b = BUF_MAX(100000);
	for (int i = 0; i < 1000; i++) {
		char *p = buf_reserve(&b, 26);
		assert_non_null(p);
		for (int k = 0; k < 26; k++)
			p[k] = (char)('a' + k);
		b.n += 26;
	}
	buf_consume(&b, 0);
	buf_consume(&b, 27);
	assert_int_equal(b.n, 26 * 1000 - 27);
	assert_int_equal(b.p[0], 'b');
	buf_consume(&b, b.n);
	assert_string_equal(buf_cstr(&b), "");
	buf_deinit(&b);
}

static void test_empty_cstr(void **state)
{
	struct mg_buf b = BUF_MAX(0);
	assert_string_equal(buf_cstr(&b), "");
	buf_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_maximum_is_exact_and_failure_sticks),
		cmocka_unit_test(test_huge_request_does_not_wrap),
		cmocka_unit_test(test_reserve_and_consume),
		cmocka_unit_test(test_empty_cstr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
