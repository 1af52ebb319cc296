/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/utf8.h"

static void test_decode(void **state)
{
	static const struct {
		struct mg_span in;
		size_t len;
		uint32_t point;
	} cases[] = {
		{ SPAN("a"), 1, 'a' },
		{ SPAN("\0"), 1, 0 },
		{ SPAN("\x7f"), 1, 0x7f },
		{ SPAN("\xc2\x80"), 2, 0x80 },
		{ SPAN("\xdf\xbfx"), 2, 0x7ff },
		{ SPAN("\xe0\xa0\x80"), 3, 0x800 },
		{ SPAN("\xed\x9f\xbf"), 3, 0xd7ff },
		{ SPAN("\xef\xbf\xbf"), 3, 0xffff },
		{ SPAN("\xf0\x90\x80\x80"), 4, 0x10000 },
		{ SPAN("\xf4\x8f\xbf\xbf"), 4, 0x10ffff },
		{ SPAN("\x80"), 0, 0 },
		{ SPAN("\xbf"), 0, 0 },
		{ SPAN("\xc0\x80"), 0, 0 },
		{ SPAN("\xc1\xbf"), 0, 0 },
		{ SPAN("\xc3"), 0, 0 },
		{ SPAN("\xc3z"), 0, 0 },
		{ SPAN("\xe0\x9f\xbf"), 0, 0 },
		{ SPAN("\xed\xa0\x80"), 0, 0 },
		{ SPAN("\xe2\x82"), 0, 0 },
		{ SPAN("\xf0\x8f\xbf\xbf"), 0, 0 },
		{ SPAN("\xf4\x90\x80\x80"), 0, 0 },
		{ SPAN("\xf5\x80\x80\x80"), 0, 0 },
		{ SPAN("\xff"), 0, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t point = 0;
		assert_int_equal(utf8_decode(cases[i].in, &point), cases[i].len);
		if (cases[i].len > 0) assert_int_equal(point, cases[i].point);
	}
}

static void test_control(void **state)
{
	static const uint32_t yes[] = { 0, 9, 0x1f, 0x7f, 0x80, 0x9f, 0x2028, 0x2029 };
	static const uint32_t no[] = { ' ', '~', 0xa0, 0x2027, 0x202a, 0x10ffff };
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(utf8_is_control(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(utf8_is_control(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_control),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
