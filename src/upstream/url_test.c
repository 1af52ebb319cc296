/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void parts(void **state)
{
	static const struct {
		const char *in, *text, *origin, *label, *userinfo;
	} cases[] = {
		{ "https://mirror.example/a?b=c#d", "https://mirror.example/a?b=c",
		  "https://mirror.example:443", "mirror.example", NULL },
		{ "HTTP://Mirror.EXAMPLE:80", "http://Mirror.EXAMPLE:80/",
		  "http://mirror.example:80", "mirror.example", NULL },
		{ "http://u:p%40w@h.example:8080/x", "http://h.example:8080/x",
		  "http://h.example:8080", "h.example:8080", "u:p@w" },
		{ "https://token@h.example/", "https://h.example/", "https://h.example:443",
		  "h.example", "token:" },
		{ "http://[::1]:3000/x", "http://[::1]:3000/x", "http://[::1]:3000", "[::1]:3000",
		  NULL },
		{ "http://h.example/%21a+b/@v/list", "http://h.example/%21a+b/@v/list",
		  "http://h.example:80", "h.example", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct url u = { 0 };
		struct mg_err err;
		assert_int_equal(url_parse(span_of(cases[i].in), &u, &err), MG_OK);
		assert_string_equal(u.text, cases[i].text);
		assert_string_equal(u.origin, cases[i].origin);
		assert_string_equal(u.label, cases[i].label);
		if (cases[i].userinfo == NULL)
			assert_null(u.userinfo);
		else
			assert_string_equal(u.userinfo, cases[i].userinfo);
		url_deinit(&u);
	}
}

static void refused(void **state)
{
	static const char *const cases[] = {
		"",
		"mirror.example",
		"ftp://h.example/",
		"file:///x",
		"http://",
		"http://h:0/",
		"http://h:99999/",
		"http://u:secret@",
		"http://u:secret@h:bad/",
		"http://h example/",
		"/path",
		"gopher://u:secret@h/",
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct url u = { 0 };
		struct mg_err err;
		if (url_parse(span_of(cases[i]), &u, &err) != MG_INVALID) fail_msg("%s", cases[i]);
		assert_null(strstr(err.text, "secret"));
		assert_null(u.text);
	}
	struct url u = { 0 };
	struct mg_err err;
	assert_int_equal(url_parse(SPAN("http://h/\0x"), &u, &err), MG_INVALID);
}

static void locations(void **state)
{
	static const struct {
		const char *location, *text;
	} cases[] = {
		{ "/z", "https://h.example:1/z" },
		{ "z", "https://h.example:1/a/z" },
		{ "../z", "https://h.example:1/z" },
		{ "?q=1", "https://h.example:1/a/b?q=1" },
		{ "//other.example/z", "https://other.example/z" },
		{ "http://other.example/a b", "http://other.example/a%20b" },
		{ "https://u:p@other.example/", "https://other.example/" },
		{ "ftp://other.example/", NULL },
		{ "javascript:alert(1)", NULL },
	};
	struct url base = { 0 };
	struct mg_err err;
	assert_int_equal(url_parse(SPAN("https://u:p@h.example:1/a/b"), &base, &err), MG_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct url u = { 0 };
		enum mg_code rc = url_resolve(&base, span_of(cases[i].location), &u, &err);
		if (cases[i].text == NULL) {
			if (rc == MG_OK && strcmp(u.host, base.host) != 0)
				fail_msg("%s became %s", cases[i].location, u.text);
		} else {
			assert_int_equal(rc, MG_OK);
			assert_string_equal(u.text, cases[i].text);
			assert_null(u.userinfo);
		}
		url_deinit(&u);
	}
	url_deinit(&base);
}

static void origins(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "https://h.example/a", "https://H.example:443/b", true },
		{ "https://h.example/", "http://h.example/", false },
		{ "https://h.example/", "https://h.example:444/", false },
		{ "https://h.example/", "https://h.example.evil.example/", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct url a = { 0 }, b = { 0 };
		struct mg_err err;
		assert_int_equal(url_parse(span_of(cases[i].a), &a, &err), MG_OK);
		assert_int_equal(url_parse(span_of(cases[i].b), &b, &err), MG_OK);
		assert_int_equal(url_same_origin(&a, &b), cases[i].same);
		url_deinit(&a);
		url_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(refused),
		cmocka_unit_test(locations),
		cmocka_unit_test(origins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
