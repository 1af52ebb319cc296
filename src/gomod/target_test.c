/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
	const char *url; /* as the go command writes it */
	enum target_kind kind;
	const char *path, *version, *file, *name;
} good[] = {
	{ "/example.com/m/@v/list", TARGET_LIST, "example.com/m", "", "example.com/m/@v/list",
	  "example.com/m" },
	{ "/example.com/m/@latest", TARGET_LATEST, "example.com/m", "", "example.com/m/@latest",
	  "example.com/m@latest" },
	{ "/github.com/%21azure/x/@v/v1.0.0.info", TARGET_INFO, "github.com/Azure/x", "v1.0.0",
	  "github.com/!azure/x/@v/v1.0.0.info", "github.com/Azure/x@v1.0.0" },
	{ "/a.b/x/@v/v1.2.1-%21r%21c1.mod", TARGET_MOD, "a.b/x", "v1.2.1-RC1",
	  "a.b/x/@v/v1.2.1-!r!c1.mod", "a.b/x@v1.2.1-RC1" },
	{ "/a.b/x/@v/v2.0.0+incompatible.zip", TARGET_ZIP, "a.b/x", "v2.0.0+incompatible",
	  "a.b/x/@v/v2.0.0+incompatible.zip", "a.b/x@v2.0.0+incompatible" },
	{ "/a.b/x/@v/v0.0.0-20191109021931-daa7c04131f5.info", TARGET_INFO, "a.b/x",
	  "v0.0.0-20191109021931-daa7c04131f5", "a.b/x/@v/v0.0.0-20191109021931-daa7c04131f5.info",
	  "a.b/x@v0.0.0-20191109021931-daa7c04131f5" },
	{ "/a.b/x/@v/%21h%21e%21a%21d.info", TARGET_QUERY, "a.b/x", "HEAD",
	  "a.b/x/@v/!h!e!a!d.info", "a.b/x@HEAD" },
	{ "/a.b/x/@v/v2.0.0.info", TARGET_QUERY, "a.b/x", "v2.0.0", "a.b/x/@v/v2.0.0.info",
	  "a.b/x@v2.0.0" },
	{ "/a.b/x/@v/v1.2.0+meta.info", TARGET_QUERY, "a.b/x", "v1.2.0+meta",
	  "a.b/x/@v/v1.2.0+meta.info", "a.b/x@v1.2.0+meta" },
	{ "/a.b/x/@v/release-1.x.info", TARGET_QUERY, "a.b/x", "release-1.x",
	  "a.b/x/@v/release-1.x.info", "a.b/x@release-1.x" },
	{ "/a.b/x/@v/a%20b%25%5E%23.info", TARGET_QUERY, "a.b/x", "a b%^#", "a.b/x/@v/a b%^#.info",
	  "a.b/x@a b%^#" },
	{ "/gopkg.in/yaml.v3/@v/v3.0.1.zip", TARGET_ZIP, "gopkg.in/yaml.v3", "v3.0.1",
	  "gopkg.in/yaml.v3/@v/v3.0.1.zip", "gopkg.in/yaml.v3@v3.0.1" },
};

static void check(const struct target *t, size_t i)
{
	struct mg_buf out = BUF_MAX(4096);
	assert_int_equal(t->kind, good[i].kind);
	assert_true(span_eq(t->path, span_of(good[i].path)));
	assert_true(span_eq(t->version, span_of(good[i].version)));
	target_file(t, &out);
	assert_true(span_eq(buf_span(&out), span_of(good[i].file)));
	buf_clear(&out);
	target_url(t, &out);
	assert_true(span_eq(buf_span(&out), span_of(good[i].url + 1)));
	buf_clear(&out);
	target_name(t, &out);
	assert_true(span_eq(buf_span(&out), span_of(good[i].name)));
	buf_deinit(&out);
}

static void well_formed(void **state)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct arena a = ARENA_INIT;
		struct target t, made;
		struct mg_err err;
		assert_int_equal(target_parse(span_of(good[i].url), &a, &t, &err), MG_OK);
		check(&t, i);
		assert_int_equal(target_make(good[i].kind, t.path, t.version, &a, &made, &err),
				 MG_OK);
		check(&made, i);
		arena_deinit(&a);
	}
}

static void other_spellings(void **state)
{
	static const struct {
		const char *url, *same;
	} rows[] = {
		{ "/github.com/!azure/x/@v/list", "/github.com/%21azure/x/@v/list" },
		{ "/a.b/x/@v/v2.0.0%2Bincompatible.zip", "/a.b/x/@v/v2.0.0+incompatible.zip" },
		{ "/a.b/x/@v/v2.0.0%2bincompatible.zip", "/a.b/x/@v/v2.0.0+incompatible.zip" },
		{ "/a.b/x/%40v/list", "/a.b/x/@v/list" },
		{ "/a%2eb/%78/@latest", "/a.b/x/@latest" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = ARENA_INIT;
		struct target t;
		struct mg_buf url = BUF_MAX(1000);
		assert_int_equal(target_parse(span_of(rows[i].url), &a, &t, NULL), MG_OK);
		target_url(&t, &url);
		assert_true(span_eq(buf_span(&url), span_of(rows[i].same + 1)));
		buf_deinit(&url);
		arena_deinit(&a);
	}
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"a.b/x/@v/list",
		"/@v/list",
		"//@v/list",
		"/@latest",
		"/x/@v/",
		"/a.b/x/@v/",
		"/a.b/x/@v/.info",
		"/a.b/x/@v/v1.0.0",
		"/a.b/x/@v/v1.0.0.txt",
		"/a.b/x/@v/v1.0.0.info/",
		"/a.b/x/@v/../..",
		"/a.b/x/@v/../y.info",
		"/a.b/x/@v/a/b.info",
		"/a.b/x/@v/list/",
		"/a.b/x/@v/LIST",
		"/a.b/x/@latest/",
		"/a.b/x@latest",
		"/a.b/x",
		"/a.b/../x/@v/list",
		"/a.b/./x/@v/list",
		"/a.b//x/@v/list",
		"//a.b/x/@v/list",
		"/a.b%2Fx/@v/list",
		"/a.b/x%2f@v/list",
		"/a.b/x/@v%2Flist",
		"/a.b/x%00/@v/list",
		"/a.b/x%5Cy/@v/list",
		"/a.b/x\\y/@v/list",
		"/a.b/x%C3%A9/@v/list",
		"/a.b/x\xc3\xa9/@v/list",
		"/a.b/x%c0%af/@v/list",
		"/a.b/x%/@v/list",
		"/a.b/x%2/@v/list",
		"/a.b/x%zz/@v/list",
		"/a.b/x/@v/list%",
		"/a.b/x/@v/list%2",
		"/a.b/X/@v/list",
		"/a.b/%58/@v/list",
		"/a.b/%2521x/@v/list",
		"/a.b/!/@v/list",
		"/a.b/!!x/@v/list",
		"/a.b/!1/@v/list",
		"/a.b/x/@v/V1.0.0.info",
		"/a.b/x/@v/list?go-get=1",
		"/a.b/x/@v/list#x",
		"/a.b/x/@v/master.mod",
		"/a.b/x/@v/v1.mod",
		"/a.b/x/@v/v2.0.0.zip",
		"/a.b/x/@v/v1.0.0+meta.zip",
		"/a.b/x/@v/a*b.info",
		"/a.b/x/@v/a%3Ab.info",
		"/a.b/x/@v/x..info",
		"/a.b/x/@v/aux.info",
		"/a.b/x/v1/@v/list",
		"/nodot/@v/list",
		"/github.com/@v/x/@v/list",
		"/a.b/x/@v/@v/list",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct arena a = ARENA_INIT;
		struct target t;
		struct mg_err err = { 0 };
		assert_int_equal(target_parse(span_of(bad[i]), &a, &t, &err), MG_NOT_FOUND);
		assert_int_equal(err.code, MG_NOT_FOUND);
		assert_true(span_has_prefix(span_of(err.text), SPAN("not found: ")));
		assert_int_equal(target_parse(span_of(bad[i]), &a, &t, NULL), MG_NOT_FOUND);
		arena_deinit(&a);
	}
}

/* A URL of a module path with one element of n letters. */
static enum mg_code parse_long(size_t element, size_t rev)
{
	struct mg_buf url = BUF_MAX(1 << 20);
	buf_append_str(&url, "/a.b/");
	for (size_t i = 0; i < element; i++)
		buf_append_char(&url, 'x');
	buf_append_str(&url, "/@v/");
	for (size_t i = 0; i < rev; i++)
		buf_append_char(&url, 'v');
	buf_append_str(&url, ".info");
	struct arena a = ARENA_INIT;
	struct target t;
	enum mg_code rc = target_parse(buf_span(&url), &a, &t, NULL);
	arena_deinit(&a);
	buf_deinit(&url);
	return rc;
}

static void lengths(void **state)
{
	assert_int_equal(parse_long(255, 232), MG_OK);
	assert_int_equal(parse_long(256, 1), MG_NOT_FOUND);
	assert_int_equal(parse_long(1, 233), MG_NOT_FOUND);
	assert_int_equal(parse_long(65536, 1), MG_NOT_FOUND);
}

static void making(void **state)
{
	struct arena a = ARENA_INIT;
	struct target t;
	struct mg_err err;
	assert_int_equal(target_make(TARGET_INFO, SPAN("a.b/x"), SPAN("main"), &a, &t, &err),
			 MG_OK);
	assert_int_equal(t.kind, TARGET_QUERY);
	assert_int_equal(target_make(TARGET_QUERY, SPAN("a.b/x"), SPAN("v1.0.0"), &a, &t, &err),
			 MG_OK);
	assert_int_equal(t.kind, TARGET_INFO);
	assert_int_equal(target_make(TARGET_MOD, SPAN("a.b/x"), SPAN("main"), &a, &t, &err),
			 MG_NOT_FOUND);
	assert_int_equal(target_make(TARGET_LIST, SPAN("ab/x"), SPAN(""), &a, &t, &err),
			 MG_NOT_FOUND);
	assert_int_equal(target_make(TARGET_INFO, SPAN("a.b/x"), SPAN("a/b"), &a, &t, &err),
			 MG_NOT_FOUND);
	char big[5000];
	memset(big, 'x', sizeof big);
	assert_int_equal(
		target_make(TARGET_INFO, SPAN("a.b/x"), span_make(big, sizeof big), &a, &t, &err),
		MG_NOT_FOUND);
	arena_deinit(&a);
	assert_string_equal(target_kind_name(TARGET_LIST), "list");
	assert_string_equal(target_kind_name(TARGET_QUERY), "query");
	assert_true(target_is_mutable(TARGET_QUERY));
	assert_false(target_is_mutable(TARGET_INFO));
}

/* T28: 5,000 mutations of one byte or one insertion. What parses must mean what its canonical URL
 * says: parsing that again gives the same file. */
static void mutations(void **state)
{
	static const char base[] = "/github.com/%21azure/x/@v/v1.2.1-%21r%21c1+incompatible.info";
	static const char bytes[] = "/%.@!+vA\\ 2F\x01\x80#?";
	size_t parsed = 0, tried = 0;
	for (size_t at = 0; at < sizeof base - 1; at++)
		for (size_t b = 0; b < sizeof bytes - 1; b++)
			for (int how = 0; how < 6; how++) {
				char url[200];
				int n = how == 0 ? snprintf(url, sizeof url, "%.*s%c%s", (int)at,
							    base, bytes[b], base + at + 1)
					: how == 1
						? snprintf(url, sizeof url, "%.*s%c%s", (int)at,
							   base, bytes[b], base + at)
						: snprintf(url, sizeof url, "%.*s%%%02X%s", (int)at,
							   base, (unsigned char)bytes[b] + how - 2,
							   base + at + (how & 1));
				struct arena a = ARENA_INIT;
				struct target t, again;
				tried++;
				if (target_parse(span_make(url, (size_t)n), &a, &t, NULL) ==
				    MG_OK) {
					struct mg_buf canon = BUF_MAX(1000), f = BUF_MAX(1000),
						      g = BUF_MAX(1000);
					parsed++;
					buf_append_char(&canon, '/');
					target_url(&t, &canon);
					assert_int_equal(
						target_parse(buf_span(&canon), &a, &again, NULL),
						MG_OK);
					target_file(&t, &f);
					target_file(&again, &g);
					assert_true(span_eq(buf_span(&f), buf_span(&g)));
					assert_int_equal(t.kind, again.kind);
					buf_deinit(&canon);
					buf_deinit(&f);
					buf_deinit(&g);
				}
				arena_deinit(&a);
			}
	assert_true(tried > 5000);
	assert_true(parsed > 100 && parsed < tried / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed), cmocka_unit_test(other_spellings),
		cmocka_unit_test(refused),     cmocka_unit_test(lengths),
		cmocka_unit_test(making),      cmocka_unit_test(mutations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
