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

static void what_would_match_nothing(void **state)
{
	static const struct {
		const char *globs;
		const char *want; /* in the message; NULL: fine */
	} rows[] = {
		{ "", NULL },
		{ "a.example", NULL },
		{ "*.a.example/b?/[a-z]*,,c.example/", NULL },
		{ "a\\*b", NULL },
		{ "a.example,git.corp[/x", "\"git.corp[/x\" would match nothing: a \"[\"" },
		{ "*x[", "would match nothing" },
		{ "a*b*[]", "would match nothing" },
		{ "x\\", "would match nothing" },
		{ "a.example, b.example",
		  "\" b.example\" would match nothing: patterns are separated" },
		{ "a.example b.example", "separated by commas" },
		{ "https://a.example/*", "leave out the scheme" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_err err = { 0 };
		assert_int_equal(pattern_check(span_of(rows[i].globs), &err),
				 rows[i].want == NULL ? MG_OK : MG_INVALID);
		if (rows[i].want != NULL) assert_true(strstr(err.text, rows[i].want) != NULL);
	}
	assert_int_equal(pattern_check((struct mg_span){ 0 }, NULL), MG_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(what_would_match_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
