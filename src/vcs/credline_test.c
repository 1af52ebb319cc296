/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/credline.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void lines(void **state)
{
	struct mg_span text =
		SPAN("\n# comment\n https://a.corp token a/b \r\nhttps://a.corp:444\tbasic  me f\n"
		     "https://g.corp github-app 1 2 k\nssh://s.corp:22 key /k");
	static const struct {
		const char *origin, *file, *word;
		enum credline_kind kind;
	} want[] = {
		{ "https://a.corp", "a/b", "", CREDLINE_TOKEN },
		{ "https://a.corp:444", "f", "me", CREDLINE_BASIC },
		{ "https://g.corp", "k", "1", CREDLINE_GITHUB_APP },
		{ "ssh://s.corp:22", "/k", "", CREDLINE_KEY },
	};
	struct credline l;
	size_t number = 0;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		assert_int_equal(credline_next(&text, &number, &l, NULL), MG_OK);
		assert_true(span_eq(l.origin, span_of(want[i].origin)));
		assert_true(span_eq(l.file, span_of(want[i].file)));
		assert_true(span_eq(l.words[0], span_of(want[i].word)));
		assert_int_equal(l.kind, want[i].kind);
	}
	assert_int_equal(credline_next(&text, &number, &l, NULL), MG_NOT_FOUND);
	assert_int_equal(number, 6);
}

static void refused(void **state)
{
	static const char *const texts[] = {
		"https://a.corp",
		"https://a.corp token",
		"https://a.corp token a b",
		"https://a.corp basic f",
		"https://a.corp basic a:b f",
		"https://a.corp github-app 1 f",
		"https://a.corp key f",
		"ssh://a.corp token f",
		"ftp://a.corp token f",
		"https://a.corp/x token f",
		"ssh://git@a.corp key f",
		"a.corp token f",
		"https://a.corp what f",
		"https://a.corp basic a b c d e f g h",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct mg_span text = span_of(texts[i]);
		struct credline l;
		struct mg_err err = { 0 };
		size_t number = 0;
		print_message("%s\n", texts[i]);
		assert_int_equal(credline_next(&text, &number, &l, &err), MG_INVALID);
		assert_non_null(strstr(err.text, "line 1: "));
	}
}

static void origins(void **state)
{
	static const struct {
		const char *line, *url;
		bool fits;
	} rows[] = {
		{ "https://a.corp token f", "https://a.corp/x", true },
		{ "https://a.corp token f", "https://a.corp:443/x", true },
		{ "https://a.corp token f", "https://a.corp:444/x", false },
		{ "https://a.corp token f", "http://a.corp/x", false },
		{ "https://a.corp token f", "https://b.a.corp/x", false },
		{ "https://a.corp token f", "https://a.corp.evil/x", false },
		{ "ssh://a.corp key f", "git+ssh://git@a.corp/x", true },
		{ "ssh://a.corp:2222 key f", "ssh://git@a.corp/x", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_span text = span_of(rows[i].line);
		struct repourl url;
		struct credline l;
		size_t number = 0;
		print_message("%s %s\n", rows[i].line, rows[i].url);
		assert_int_equal(credline_next(&text, &number, &l, NULL), MG_OK);
		assert_int_equal(repourl_parse(span_of(rows[i].url), &url, NULL), MG_OK);
		assert_int_equal(credline_fits(&l, &url), rows[i].fits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(refused),
		cmocka_unit_test(origins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
