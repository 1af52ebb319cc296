/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/mapping.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

static void paths(void **state)
{
	static const char rules[] =
		"git.corp/*/* ssh://git@git.corp:2222/*/*.git, one.corp https://git.corp/one,"
		"git.corp/a/b https://never.example/x,deep.corp/x/*/y https://git.corp/*";
	static const struct {
		const char *path, *want; /* root and URL; NULL: none; "above" */
	} rows[] = {
		{ "git.corp/a/b", "git.corp/a/b ssh://git@git.corp:2222/a/b.git" },
		{ "git.corp/a/b/c/v3", "git.corp/a/b ssh://git@git.corp:2222/a/b.git" },
		{ "git.corp/a/v2", "above" },
		{ "git.corp/a", "above" },
		{ "git.corp", "above" },
		{ "one.corp", "one.corp https://git.corp/one" },
		{ "one.corp/v2", "one.corp https://git.corp/one" },
		{ "one.corp/x", "one.corp https://git.corp/one" },
		{ "one.corporation/x", NULL },
		{ "deep.corp/x/z/y", "deep.corp/x/z/y https://git.corp/z" },
		{ "deep.corp/x/z/w", NULL },
		{ "deep.corp/w", NULL },
		{ "other.corp/x", NULL },
	};
	struct arena a = ARENA_INIT;
	struct mapping m;
	assert_int_equal(mapping_parse(span_of(rules), SPAN(""), &a, &m, NULL), MG_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_span root, url;
		struct mg_buf out = BUF_MAX(200);
		print_message("%s\n", rows[i].path);
		enum mapping_verdict v = mapping_find(&m, span_of(rows[i].path), &a, &root, &url);
		if (v == MAPPING_FOUND)
			buf_printf(&out, "%.*s %.*s", SPAN_ARG(root), SPAN_ARG(url));
		if (v == MAPPING_ABOVE) buf_append_str(&out, "above");
		assert_int_equal(v == MAPPING_NONE, rows[i].want == NULL);
		if (rows[i].want != NULL) assert_string_equal(buf_cstr(&out), rows[i].want);
		buf_deinit(&out);
	}
	arena_deinit(&a);
}

static void urls(void **state)
{
	struct arena a = ARENA_INIT;
	struct mapping m;
	struct mg_span out;
	assert_int_equal(
		mapping_parse(SPAN(""),
			      SPAN("https://a.example/ https://b.example/,https://a.example/x/ "
				   "ssh://git@c.example/"),
			      &a, &m, NULL),
		MG_OK);
	assert_true(mapping_rewrite(&m, SPAN("https://a.example/y"), &a, &out));
	assert_true(span_eq(out, SPAN("https://b.example/y")));
	assert_true(mapping_rewrite(&m, SPAN("https://a.example/x/y"), &a, &out));
	assert_true(span_eq(out, SPAN("ssh://git@c.example/y")));
	assert_false(mapping_rewrite(&m, SPAN("https://a.example.org/"), &a, &out));
	assert_false(mapping_rewrite(&m, SPAN(""), &a, &out));
	arena_deinit(&a);
}

static void refused(void **state)
{
	static const char *const rules[] = {
		"x",
		"a.corp/* https://b",
		"a.corp/x* https://b/*",
		"*/x https://b/*",
		"a.corp file:///x",
		"a.corp b.corp",
		"a.corp https://u:CANARY@b/",
		"a.corp//x https://b",
		"a.corp https://b https://c",
		"a.corp https://b,",
		",",
	};
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		struct arena a = ARENA_INIT;
		struct mapping m;
		struct mg_err err = { 0 };
		print_message("%s\n", rules[i]);
		assert_int_equal(mapping_parse(span_of(rules[i]), SPAN(""), &a, &m, &err),
				 MG_INVALID);
		arena_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(urls),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
