/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wire/httpdate.h"

#define NOW INT64_C(1795425300) /* 2026-11-23 */

static void test_format(void **state)
{
	static const struct {
		int64_t at;
		const char *text;
	} cases[] = {
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
		{ 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
		{ 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[HTTPDATE_SIZE + 1] = "";
		httpdate_format(cases[i].at, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t at;
	} cases[] = {
		/* the three forms of RFC 9110 §5.6.7 */
		{ "Sun, 06 Nov 1994 08:49:37 GMT", true, 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", true, 784111777 },
		{ "Sun Nov  6 08:49:37 1994", true, 784111777 },
		{ "Sun Nov 16 08:49:37 1994", true, 784975777 },
		{ "Wed, 31 Dec 1969 23:59:59 GMT", true, -1 },
		/* 50 years ahead stay, 51 are past */
		{ "Monday, 01-Jan-76 00:00:00 GMT", true, 3345062400 },
		{ "Monday, 01-Jan-77 00:00:00 GMT", true, 220924800 },
		{ "Monday, 01-Jan-26 00:00:00 GMT", true, 1767225600 },
		/* leap seconds and days; the day's name is not compared */
		{ "Sat, 31 Dec 2016 23:59:60 GMT", true, 1483228800 },
		{ "Mon, 29 Feb 2000 00:00:00 GMT", true, 951782400 },
		{ "Mon, 29 Feb 1900 00:00:00 GMT", false, 0 },
		{ "Mon, 29 Feb 2023 00:00:00 GMT", false, 0 },
		{ "Mon, 31 Apr 2023 00:00:00 GMT", false, 0 },
		{ "Mon, 00 Apr 2023 00:00:00 GMT", false, 0 },
		{ "Mon, 01 Apr 2023 24:00:00 GMT", false, 0 },
		{ "Mon, 01 Apr 2023 00:60:00 GMT", false, 0 },
		{ "Mon, 01 Apr 2023 00:00:61 GMT", false, 0 },
		{ "", false, 0 },
		{ "0", false, 0 },
		{ "sun, 06 Nov 1994 08:49:37 GMT", false, 0 },
		{ "Sun, 06 nov 1994 08:49:37 GMT", false, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 UTC", false, 0 },
		{ "Sun, 06 Nov 1994 08:49:37", false, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT ", false, 0 },
		{ " Sun, 06 Nov 1994 08:49:37 GMT", false, 0 },
		{ "Sun, 6 Nov 1994 08:49:37 GMT", false, 0 },
		{ "Sun, 06 Nov 94 08:49:37 GMT", false, 0 },
		{ "Sun, 06-Nov-94 08:49:37 GMT", false, 0 },
		{ "Sunday, 06-Nov-1994 08:49:37 GMT", false, 0 },
		{ "Sun Nov 6 08:49:37 1994", false, 0 },
		{ "Sun Nov  6 08:49:37 19945", false, 0 },
		{ "Sun Nov 06 08:49:37 94", false, 0 },
		{ "Sun, 06 Nov 1994 8:49:37 GMT", false, 0 },
		{ "Sun, 06 Nov 1994 08-49-37 GMT", false, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t at = 5;
		if (httpdate_parse(span_of(cases[i].text), NOW, &at) != cases[i].ok)
			fail_msg("%s", cases[i].text);
		assert_int_equal(at, cases[i].ok ? cases[i].at : 5);
	}
}

static void test_agrees_with_libc_and_itself(void **state)
{
	for (int64_t at = 0; at < 253402300800; at += 86400 * 41 + 4567) {
		char ours[HTTPDATE_SIZE + 1] = "", libc[40];
		time_t t = (time_t)at;
		struct tm tm;
		int64_t back;
		httpdate_format(at, ours);
		strftime(libc, sizeof libc, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
		assert_string_equal(ours, libc);
		assert_true(httpdate_parse(span_of(ours), NOW, &back));
		assert_int_equal(back, at);
		strftime(libc, sizeof libc, "%a %b %e %H:%M:%S %Y", &tm);
		assert_true(httpdate_parse(span_of(libc), NOW, &back));
		assert_int_equal(back, at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_agrees_with_libc_and_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
