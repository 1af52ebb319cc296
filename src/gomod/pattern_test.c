/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/pattern.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void patterns(void **state)
{
	static const struct {
		const char *globs, *path;
		bool matches;
	} rows[] = {
		{ "*.corp.example.com", "git.corp.example.com/x", true },
		{ "*.corp.example.com", "corp.example.com/x", false },
		{ "example.com/*", "example.com/a/b", true },
		{ "example.com/*", "example.com", false },
		{ "example.com/priv", "example.com/private", false },
		{ "example.com/priv", "example.com/priv/x", true },
		{ "example.com/priv/", "example.com/priv", true },
		{ "a.com,example.com", "example.com/x", true },
		{ "a.com, example.com", "example.com/x", false },
		{ "Example.com", "example.com", false },
		{ "none", "example.com", false },
		{ "", "example.com", false },
		{ ",,", "example.com", false },
		{ "[", "[", false },
		{ "a[,b.com", "b.com/x", true },
		{ "*", "example.com/x", true },
		{ "*/*", "example.com/x/y", true },
		{ "ex?mple.com", "example.com", true },
		{ "ex?mple.com", "ex/mple.com", false },
		{ "[a-f]x.com", "ex.com", true },
		{ "[^a-f]x.com", "ex.com", false },
		{ "[^a-f]x.com", "zx.com", true },
		{ "[a-f", "a", false },
		{ "[]a]", "]", false },
		{ "[a-]", "a", false },
		{ "[-a]", "-", false },
		{ "[\\]]x", "]x", true },
		{ "[\\", "\\", false },
		{ "\\*x", "*x", true },
		{ "x\\", "x", false },
		{ "a*b*c", "aXbYc", true },
		{ "a*b*c", "aXbYd", false },
		{ "a*b", "ab/b", true },
		{ "*x*", "axb", true },
		{ "a*[", "ab", false },
		{ "[\xc3\xa9]", "\xc3\xa9", true },
		{ "[\xff]", "\xff", false },
		{ "*[*]x", "q*x", true },
		{ "a\\", "a", false },
		{ "*.com", "x.org.com.net", false },
		{ "**b", "aab", true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(pattern_match(span_of(rows[i].globs), span_of(rows[i].path)),
				 rows[i].matches);
	assert_false(pattern_match((struct mg_span){ 0 }, SPAN("a.b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(patterns) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
