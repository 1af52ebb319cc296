/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"

/* Each proxy's URL ends in the code it answers with: "http://a/404". */
struct visitor {
	struct mg_buf seen;
};

static enum mg_code visit(void *arg, const struct proxylist_entry *proxy, struct mg_err *err)
{
	struct visitor *v = arg;
	if (proxy->kind == PROXYLIST_DIRECT) {
		buf_append_str(&v->seen, "repository ");
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "no such tag");
	}
	const struct mg_span last = span_from(proxy->url, proxy->url.n - 3);
	buf_append(&v->seen, last);
	buf_append_char(&v->seen, ' ');
	if (span_eq(last, SPAN("200"))) return MG_OK;
	if (span_eq(last, SPAN("404"))) return err_set(err, MG_NOT_FOUND, MG_CAUSE_UPSTREAM, "404");
	if (span_eq(last, SPAN("403"))) return err_set(err, MG_DENIED, MG_CAUSE_UPSTREAM, "403");
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, "503");
}

static void test_walk(void **state)
{
	static const struct {
		const char *list, *seen;
		enum mg_code code;
		bool asked;
		bool direct;
	} cases[] = {
		{ "http://a/200,http://b/200", "200 ", MG_OK, true },
		{ "http://a/404,http://b/200", "404 200 ", MG_OK, true },
		{ "http://a/503,http://b/200", "503 ", MG_UNAVAILABLE, true },
		{ "http://a/403,http://b/200", "403 ", MG_DENIED, true },
		{ "http://a/503|http://b/200", "503 200 ", MG_OK, true },
		{ "http://a/403|http://b/404", "403 404 ", MG_DENIED, true },
		{ "http://a/404|http://b/503,http://c/200", "404 503 ", MG_UNAVAILABLE, true },
		{ "http://a/404,direct", "404 ", MG_NOT_FOUND, true },
		{ "http://a/503,direct", "503 ", MG_UNAVAILABLE, true },
		{ "http://a/404,off", "404 ", MG_NOT_FOUND, true },
		{ "http://a/503|off", "503 ", MG_UNAVAILABLE, true },
		{ "off", "", MG_NOT_FOUND, false },
		{ "direct", "", MG_NOT_FOUND, false },
		{ "http://a/404,http://b/404", "404 404 ", MG_NOT_FOUND, true },
		{ "direct", "repository ", MG_NOT_FOUND, true, true },
		{ "http://a/404,direct", "404 repository ", MG_NOT_FOUND, true, true },
		{ "http://a/503,direct", "503 ", MG_UNAVAILABLE, true, true },
		{ "http://a/503|direct", "503 repository ", MG_UNAVAILABLE, true, true },
		{ "http://a/200,direct", "200 ", MG_OK, true, true },
		{ "off", "", MG_NOT_FOUND, false, true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena a = ARENA_INIT;
		struct proxylist list;
		struct mg_err err = { 0 };
		struct visitor v = { .seen = BUF_MAX(256) };
		bool asked;
		assert_int_equal(proxylist_parse(span_of(cases[i].list), &a, &list, &err), MG_OK);
		const enum mg_code rc =
			origin_walk(&list, cases[i].direct, visit, &v, &asked, &err);
		if (rc != cases[i].code || asked != cases[i].asked ||
		    !span_eq(buf_span(&v.seen), span_of(cases[i].seen)))
			fail_msg("%s: code %d, seen %.*s", cases[i].list, rc,
				 SPAN_ARG(buf_span(&v.seen)));
		if (rc != MG_OK) assert_int_equal(err.code, rc);
		buf_deinit(&v.seen);
		arena_deinit(&a);
	}
}

static void test_private(void **state)
{
	static const struct {
		const char *globs, *path;
		bool private;
	} cases[] = {
		{ "corp.example.com/team/*", "corp.example.com/team/x", true },
		{ "corp.example.com/team/*", "corp.example.com/team/x/sub", true },
		{ "corp.example.com/team/*", "corp.example.com/team", true },
		{ "corp.example.com/team/*", "corp.example.com", true },
		{ "corp.example.com/team/*", "corp.example.com/other", false },
		{ "*.corp.example.com", "git.corp.example.com/x", true },
		{ "*.corp.example.com/a/b", "git.corp.example.com/a", true },
		{ "*.corp.example.com", "corp.example.com", false },
		{ "x.example,corp.example.com/t/", "corp.example.com", true },
		{ "x.example", "x.example", true },
		{ "x.example", "github.com/a/b", false },
		{ "", "github.com/a/b", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (origin_is_private(span_of(cases[i].globs), span_of(cases[i].path)) !=
		    cases[i].private)
			fail_msg("%s in %s", cases[i].path, cases[i].globs);
	}
}

/* Private modules go to their repositories alone, their parents nowhere, all others as the list says. */
static void test_list(void **state)
{
	static const struct {
		const char *path, *seen;
		enum mg_cause cause;
	} cases[] = {
		{ "corp.example.com/team/x", "repository ", MG_CAUSE_VCS },
		{ "corp.example.com/team/x/v2", "repository ", MG_CAUSE_VCS },
		{ "corp.example.com/team", "", MG_CAUSE_POLICY },
		{ "corp.example.com", "", MG_CAUSE_POLICY },
		{ "corp.example.com/other", "404 repository ", MG_CAUSE_VCS },
		{ "github.com/a/b", "404 repository ", MG_CAUSE_VCS },
	};
	struct arena a = ARENA_INIT;
	struct proxylist all;
	struct mg_err err;
	assert_int_equal(proxylist_parse(SPAN("http://a/404,direct"), &a, &all, &err), MG_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct visitor v = { .seen = BUF_MAX(256) };
		const struct proxylist list =
			origin_list(&all, SPAN("corp.example.com/team/*"), span_of(cases[i].path));
		bool asked;
		assert_int_equal(origin_walk(&list, true, visit, &v, &asked, &err), MG_NOT_FOUND);
		if (!span_eq(buf_span(&v.seen), span_of(cases[i].seen)) ||
		    err.cause != cases[i].cause || asked != (cases[i].seen[0] != '\0'))
			fail_msg("%s: seen %.*s", cases[i].path, SPAN_ARG(buf_span(&v.seen)));
		buf_deinit(&v.seen);
	}
	arena_deinit(&a);
}

static void test_url(void **state)
{
	struct arena a = ARENA_INIT;
	struct proxylist list;
	struct target t;
	struct mg_err err;
	struct mg_buf url = BUF_MAX(1024);
	assert_int_equal(proxylist_parse(SPAN("http://a/p/?k=1,file:///srv/m"), &a, &list, &err),
			 MG_OK);
	assert_int_equal(
		target_make(TARGET_MOD, SPAN("github.com/Azure/x"), SPAN("v1.0.0"), &a, &t, &err),
		MG_OK);
	origin_url(&list.entries[0], &t, &url);
	assert_string_equal(buf_cstr(&url), "http://a/p/github.com/%21azure/x/@v/v1.0.0.mod?k=1");
	buf_clear(&url);
	origin_url(&list.entries[1], &t, &url);
	assert_string_equal(buf_cstr(&url), "file:///srv/m/github.com/!azure/x/@v/v1.0.0.mod");
	buf_deinit(&url);
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_url),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
