/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/goquote.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void literals(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: malformed */
	} rows[] = {
		{ "\"\"", "" },
		{ "\"a b\"", "a b" },
		{ "\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"", "\a\b\f\n\r\t\v\\\"" },
		{ "\"\\x41\\101\\u00e9\\U0001F600\"", "AA\xc3\xa9\xf0\x9f\x98\x80" },
		{ "\"\\xfF\"", "\xff" },
		{ "\"\xc3\xa9\"", "\xc3\xa9" },
		{ "\"\xff\"", "\xef\xbf\xbd" },
		{ "\"'\"", "'" },
		{ "`a\\n\"`", "a\\n\"" },
		{ "`a\rb\n`", "ab\n" },
		{ "``", "" },
		{ "\"", NULL },
		{ "", NULL },
		{ "a", NULL },
		{ "'a'", NULL },
		{ "\"a", NULL },
		{ "\"a`", NULL },
		{ "\"a\"b\"", NULL },
		{ "`a`b`", NULL },
		{ "\"a\nb\"", NULL },
		{ "\"\\'\"", NULL },
		{ "\"\\q\"", NULL },
		{ "\"\\\"", NULL },
		{ "\"\\x4\"", NULL },
		{ "\"\\xzz\"", NULL },
		{ "\"\\400\"", NULL },
		{ "\"\\48\"", NULL },
		{ "\"\\048\"", NULL },
		{ "\"\\ud800\"", NULL },
		{ "\"\\U00110000\"", NULL },
		{ "\"\\Uffffffff\"", NULL },
		{ "\"\\u12\"", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(100);
		buf_append_char(&out, '>');
		assert_int_equal(goquote_unquote(span_of(rows[i].in), &out), rows[i].out != NULL);
		assert_true(span_eq(span_from(buf_span(&out), 1), span_of(rows[i].out)));
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(literals) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
