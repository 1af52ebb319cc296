/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static void test_rfc3339(void **state)
{
	static const struct {
		int64_t at;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ 4107542399, "2100-02-28T23:59:59Z" },
		{ 4107542400, "2100-03-01T00:00:00Z" },
		{ 1795425300, "2026-11-23T09:15:00Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z" },
		{ INT64_MIN, "0000-01-01T00:00:00Z" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[21];
		clock_rfc3339(cases[i].at, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_civil_agrees_with_libc(void **state)
{
	for (int64_t at = -62167219200; at < 253402300800; at += 86400 * 13 + 12345) {
		struct clock_civil c = clock_civil(at);
		time_t t = (time_t)at;
		struct tm tm;
		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(c.year, tm.tm_year + 1900);
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.hour, tm.tm_hour);
		assert_int_equal(c.minute, tm.tm_min);
		assert_int_equal(c.second, tm.tm_sec);
		assert_int_equal(c.weekday, tm.tm_wday);
		assert_int_equal(clock_of_civil(&c), at);
	}
}

static void test_clocks_run(void **state)
{
	uint64_t a = clock_mono_us();
	uint64_t b = clock_mono_us();
	assert_true(b >= a);
	assert_true(clock_mono_ms() >= a / 1000);
	int64_t s = clock_wall_s();
	int64_t ms = clock_wall_ms();
	assert_in_range((uintmax_t)(ms / 1000 - s), 0, 5);
	assert_true(s > 1700000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_civil_agrees_with_libc),
		cmocka_unit_test(test_clocks_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
