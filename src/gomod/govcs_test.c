/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/govcs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void decisions(void **state)
{
	static const struct {
		const char *value, *root;
		const char *vcs;
		bool is_private, allowed;
	} rows[] = {
		{ "", "a.example/x", "git", false, true },
		{ "", "a.example/x", "hg", false, true },
		{ "", "a.example/x", "svn", false, false },
		{ "", "a.example/x", "svn", true, true },
		{ "public:off", "a.example/x", "git", false, false },
		{ "public:off", "a.example/x", "git", true, true },
		{ "private:git", "a.example/x", "hg", true, false },
		{ " a.example : svn | git , *:off ", "a.example/x", "git", false, true },
		{ "a.example:svn,*:off", "b.example/x", "git", true, false },
		{ "a.example/x:off,a.example:all", "a.example/x/y", "git", false, false },
		{ "a.example/x:off,a.example:all", "a.example/z", "fossil", false, true },
		{ "a.example:gitt", "a.example/z", "git", false, false },
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
