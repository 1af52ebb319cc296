/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/govcs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void decisions(void **state)
{
	static const struct {
		const char *value, *root;
		bool is_private;
		const char *vcs;
		bool allowed;
	} rows[] = {
		{ "", "a.example/x", false, "git", true },
		{ "", "a.example/x", false, "hg", true },
		{ "", "a.example/x", false, "svn", false },
		{ "", "a.example/x", true, "svn", true },
		{ "public:off", "a.example/x", false, "git", false },
		{ "public:off", "a.example/x", true, "git", true },
		{ "private:git", "a.example/x", true, "hg", false },
		{ " a.example : svn | git , *:off ", "a.example/x", false, "git", true },
		{ "a.example:svn,*:off", "b.example/x", true, "git", false },
		{ "a.example/x:off,a.example:all", "a.example/x/y", false, "git", false },
		{ "a.example/x:off,a.example:all", "a.example/z", false, "fossil", true },
		{ "a.example:gitt", "a.example/z", false, "git", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = ARENA_INIT;
		struct govcs g;
		print_message("%s %s\n", rows[i].value, rows[i].vcs);
		assert_int_equal(govcs_parse(span_of(rows[i].value), &a, &g, NULL), MG_OK);
		assert_int_equal(govcs_allows(&g, span_of(rows[i].root), rows[i].is_private,
					      span_of(rows[i].vcs)),
				 rows[i].allowed);
		arena_deinit(&a);
	}
}

static void refused(void **state)
{
	static const char *const values[] = {
		"git",    "a:",         ":git",    "a:git,", ",a:git",
		"a:git|", "a:git,a:hg", "./a:git", "..:git", "a:git,,b:git",
	};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct arena a = ARENA_INIT;
		struct govcs g;
		struct mg_err err = { 0 };
		print_message("%s\n", values[i]);
		assert_int_equal(govcs_parse(span_of(values[i]), &a, &g, &err), MG_INVALID);
		assert_non_null(strstr(err.text, "GOVCS"));
		arena_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
