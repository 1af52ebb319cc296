/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/repobook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void names_of_repositories(void **state)
{
	static const char *const cases[][2] = {
		{ "https://git.corp.example/team/x.git", "git.corp.example/team/x" },
		{ "https://user:pw@Git.Corp.Example:8443/team/x/", "git.corp.example/team/x" },
		{ "ssh://git@git.corp.example:2222/team/x", "git.corp.example/team/x" },
		{ "git@git.corp.example:team/x.git", "git.corp.example/team/x" },
		{ "git@git.corp.example:/team/X", "git.corp.example/team/X" },
		{ "git.corp.example/team/x", "git.corp.example/team/x" },
		{ "http://[2001:db8::1]:80/x", "[2001:db8::1]/x" },
		{ "https://git.corp.example", "" },
		{ "https://git.corp.example/.git", "" },
		{ "https:///x", "" },
		{ "", "" },
		{ "x", "" },
		{ "://", "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf name = BUF_MAX(1000);
		repobook_name(span_of(cases[i][0]), &name);
		if (!span_eq(buf_span(&name), span_of(cases[i][1])))
			fail_msg("%s is %s", cases[i][0], buf_cstr(&name));
		buf_deinit(&name);
	}
}

static void note(struct repobook *b, const char *url, enum target_kind kind, const char *path,
		 const char *version)
{
	struct arena a = ARENA_INIT;
	struct target t;
	struct mg_err err;
	assert_int_equal(target_make(kind, span_of(path), span_of(version), &a, &t, &err), MG_OK);
	repobook_note(b, span_of(url), &t);
	arena_deinit(&a);
}

static void what_a_push_makes_old(void **state)
{
	struct repobook *b = repobook_new();
	struct arena a = ARENA_INIT;
	struct target *found;
	note(b, "https://git.corp.example/x", TARGET_LIST, "corp.example/x", "");
	note(b, "https://git.corp.example/x", TARGET_LIST, "corp.example/x", "");
	note(b, "https://git.corp.example/x", TARGET_QUERY, "corp.example/x", "main");
	note(b, "https://git.corp.example/x", TARGET_LATEST, "corp.example/x/sub", "");
	note(b, "https://git.corp.example/y", TARGET_LIST, "corp.example/y", "");
	assert_int_equal(
		repobook_of_repository(b, SPAN("ssh://git@git.corp.example:22/x.git"), &a, &found),
		3);
	assert_true(span_eq(found[0].path, SPAN("corp.example/x")));
	assert_int_equal(found[2].kind, TARGET_LATEST);
	assert_int_equal(repobook_of_repository(b, SPAN("https://git.corp.example/z"), &a, &found),
			 0);
	assert_int_equal(repobook_of_repository(b, SPAN(""), &a, &found), 0);
	assert_int_equal(repobook_queries(b, SPAN("corp.example/x"), &a, &found), 1);
	assert_true(span_eq(found[0].version, SPAN("main")));
	/* It has moved. */
	note(b, "https://git.corp.example/z", TARGET_LIST, "corp.example/x", "");
	assert_int_equal(repobook_of_repository(b, SPAN("https://git.corp.example/x"), &a, &found),
			 2);
	assert_int_equal(repobook_of_repository(b, SPAN("https://git.corp.example/z"), &a, &found),
			 1);
	arena_deinit(&a);
	repobook_free(&b);
	repobook_free(&b);
}

static void it_has_a_bound(void **state)
{
	struct repobook *b = repobook_new();
	struct arena a = ARENA_INIT;
	struct target *found;
	char path[64];
	for (int i = 0; i < REPOBOOK_MAX + 10; i++) {
		snprintf(path, sizeof path, "corp.example/m%d", i);
		note(b, "https://git.corp.example/x", TARGET_LIST, path, "");
	}
	assert_int_equal(repobook_of_repository(b, SPAN("https://git.corp.example/x"), &a, &found),
			 REPOBOOK_MAX);
	assert_true(span_eq(found[0].path, SPAN("corp.example/m10")));
	arena_deinit(&a);
	repobook_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_repositories),
		cmocka_unit_test(what_a_push_makes_old),
		cmocka_unit_test(it_has_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
