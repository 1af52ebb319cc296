/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/importpage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_rules(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "go.corp.example/x git https://git.corp.example/team/x.git", true },
		{ "go.corp.example git ssh://git@git.corp.example/all", true },
		{ "go.corp.example/* git https://git.corp.example/team/*", true },
		{ "  go.corp.example/*/*   git  https://git.corp.example/*/* go/*", false },
		{ "go.corp.example/*/* git https://git.corp.example/* go/*", true },
		{ "go.corp.example/x mod https://proxy.corp.example/go", true },
		{ "", false },
		{ "go.corp.example/x", false },
		{ "go.corp.example/x git", false },
		{ "go.corp.example/x git git.corp.example/x", false },
		{ "go.corp.example/x git file:///srv/x", false },
		{ "go.corp.example/x hg https://hg.corp.example/x", false },
		{ "go.corp.example/x git https://git.corp.example/x a b", false },
		{ "go.corp.example/x git https://git.corp.example/x ../b", false },
		{ "go.corp.example/x git https://git.corp.example/x /b", false },
		{ "go.corp.example/x git https://git.corp.example/x -b", false },
		{ "go.corp.example/a* git https://git.corp.example/*", false },
		{ "*/x git https://git.corp.example/x", false },
		{ "go.corp.example/x/ git https://git.corp.example/x", false },
		{ "go.corp.example/x git https://git.corp.example/*", false },
		{ "g.example/*/*/*/*/*/*/*/*/* git https://git.corp.example/x", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct importpage rule;
		struct mg_err err;
		const bool good = importpage_parse(span_of(cases[i].text), &rule, &err) == MG_OK;
		if (good != cases[i].good) fail_msg("%s", cases[i].text);
	}
}

static void test_pages(void **state)
{
	static const char *const texts[] = {
		"go.corp.example/one git https://git.corp.example/team/one.git",
		"go.corp.example/*/sub git https://git.corp.example/* dir/&",
		"go.corp.example/m mod https://proxy.corp.example",
		"all.corp.example mod https://proxy.corp.example/a",
	};
	static const struct {
		const char *host, *path;
		const char *content; /* NULL: none */
	} cases[] = {
		{ "go.corp.example", "/one",
		  "go.corp.example/one git https://git.corp.example/team/one.git" },
		{ "GO.corp.example:443", "/one/pkg/v2",
		  "go.corp.example/one git https://git.corp.example/team/one.git" },
		{ "go.corp.example", "/two/sub/pkg",
		  "go.corp.example/two/sub git https://git.corp.example/two dir/&amp;" },
		{ "go.corp.example", "/m", "go.corp.example/m mod https://proxy.corp.example" },
		{ "all.corp.example", "/", "all.corp.example mod https://proxy.corp.example/a" },
		{ "all.corp.example", "/x/y", "all.corp.example mod https://proxy.corp.example/a" },
		{ "go.corp.example", "/", NULL },
		{ "go.corp.example", "/onemore", NULL },
		{ "go.corp.example", "/two", NULL },
		{ "go.corp.example", "/one/", NULL },
		{ "go.corp.example", "/one//x", NULL },
		{ "go.corp.example", "/one/../m", NULL },
		{ "go.corp.example", "/o%6ee", NULL },
		{ "go.corp.example", "/one/\"x", NULL },
		{ "other.example", "/one", NULL },
		{ "", "/one", NULL },
		{ "[::1]:80", "/one", NULL },
	};
	struct importpage rules[4];
	struct mg_err err;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(importpage_parse(span_of(texts[i]), &rules[i], &err), MG_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf page = BUF_MAX(65536), want = BUF_MAX(65536);
		const bool found = importpage_find(rules, 4, span_of(cases[i].host),
						   span_of(cases[i].path), &page);
		buf_printf(&want, "<meta name=\"go-import\" content=\"%s\">",
			   cases[i].content != NULL ? cases[i].content : "");
		if (found != (cases[i].content != NULL) ||
		    (found && span_find(buf_span(&page), buf_span(&want)) < 0))
			fail_msg("%s %s: %s", cases[i].host, cases[i].path, buf_cstr(&page));
		buf_deinit(&page);
		buf_deinit(&want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
