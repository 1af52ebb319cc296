/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void moments(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t at;
	} rows[] = {
		{ "2020-01-01T03:00:00Z", true, 1577847600 },
		{ "1970-01-01T00:00:00Z", true, 0 },
		{ "1970-01-01T00:00:00.999Z", true, 0 },
		{ "1970-01-01T01:30:00+01:30", true, 0 },
		{ "1969-12-31T16:00:00-08:00", true, 0 },
		{ "0001-01-01T00:00:00Z", true, -62135596800 },
		{ "2020-02-29T00:00:00Z", true, 1582934400 },
		{ "2019-02-29T00:00:00Z", false, 0 },
		{ "2020-01-01 03:00:00Z", false, 0 },
		{ "2020-01-01t03:00:00Z", false, 0 },
		{ "2020-01-01T03:00:00z", false, 0 },
		{ "2020-01-01T03:00:00", false, 0 },
		{ "2020-01-01T03:00:00.Z", false, 0 },
		{ "2020-01-01T03:00:00,5Z", false, 0 },
		{ "2020-01-01T3:00:00Z", false, 0 },
		{ "2020-13-01T03:00:00Z", false, 0 },
		{ "2020-00-01T03:00:00Z", false, 0 },
		{ "2020-01-00T03:00:00Z", false, 0 },
		{ "2020-01-01T24:00:00Z", false, 0 },
		{ "2020-01-01T23:60:00Z", false, 0 },
		{ "2020-01-01T23:59:60Z", false, 0 },
		{ "2020-01-01T00:00:00+24:00", false, 0 },
		{ "2020-01-01T00:00:00+01", false, 0 },
		{ "2020-01-01T00:00:00Zx", false, 0 },
		{ "2020-01-01T00:00:00", false, 0 },
		{ "20200101", false, 0 },
		{ "", false, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t at = 0;
		assert_int_equal(rfc3339_parse(span_of(rows[i].text), &at), rows[i].ok);
		assert_int_equal(at, rows[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(moments) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
