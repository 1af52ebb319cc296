/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modpath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const good_modules[] = {
	"example.com",
	"example.com/m",
	"1.2.3.4/x",
	"github.com/Azure/azure-sdk-for-go",
	"example.com/v2",
	"example.com/m/v10",
	"example.com/m/v999999999999999999999",
	"example.com/av2",
	"example.com/v",
	"example.com/2",
	"example.com/v1.x",
	"example.com/v1/x",
	"gopkg.in/yaml.v0",
	"gopkg.in/yaml.v1",
	"gopkg.in/yaml.v2-unstable",
	"example.com/a~b",
	"example.com/COM0",
	"example.com/com10",
	"example.com/x.nul",
	"example.com/NULx",
	"a.b/_c",
};

static const char *const bad_modules[] = {
	"",
	"-a.com/x",
	"example.com//x",
	"example.com/",
	"/example.com",
	"example",
	"Example.com/x",
	"exa_mple.com/x",
	"example.com:80/x",
	"exa~mple.com",
	"example.com/.x",
	"example.com/x.",
	"example.com/..",
	"example.com/.",
	"example.com/a+b",
	"example.com/a b",
	"example.com/\xc3\xa9",
	"example.com/\xff",
	"example.com/a@b",
	"example.com/aux.go",
	"example.com/CON",
	"example.com/lpt9.x",
	"example.com/longna~1",
	"example.com/longna~1.txt",
	"example.com/v1",
	"example.com/v0",
	"example.com/v02",
	"example.com/v2.0",
	"gopkg.in/yaml",
	"gopkg.in/yaml.v01",
	"gopkg.in/yaml.v",
	"gopkg.in/yaml.v0-unstable",
	"gopkg.in/x/v2",
	"example.com/a\\b",
};

static const char *const good_files[] = {
	"a",
	".gitattributes",
	"a/b",
	"-x",
	"!#$%&()+,-.=@[]^_{}~ ",
	"h\xc3\xa9llo.go",
	"longna~1",
	"\xe4\xb8\xad\xe6\x96\x87",
	"COM0",
	"com10",
	"x.nul",
	"NULx",
	"v1",
	"..a",
};

static const char *const bad_files[] = {
	"",
	"/a",
	"a/",
	"a//b",
	"./a",
	"../a",
	"a/..",
	"a.",
	"a/b./c",
	"e\xcc\x81",
	"\xd9\xa0",
	"\xf0\x9f\x98\x80",
	"a\xc2\xa0"
	"b",
	"a\xe2\x80\x8b"
	"b",
	"a\"",
	"a'",
	"a*",
	"a<",
	"a>",
	"a?",
	"a:",
	"a|",
	"a\\b",
	"a;b",
	"a`b",
	"a\nb",
	"a\x7f",
	"nul.tar.gz",
	"aux.go",
	"CON.txt",
	"x/PrN",
	"lpt1",
	"\xff",
	"a\xc3",
};

static void module_paths(void **state)
{
	for (size_t i = 0; i < sizeof good_modules / sizeof good_modules[0]; i++)
		assert_int_equal(modpath_check(span_of(good_modules[i]), NULL), MG_OK);
	for (size_t i = 0; i < sizeof bad_modules / sizeof bad_modules[0]; i++) {
		struct mg_err err = { 0 };
		assert_int_equal(modpath_check(span_of(bad_modules[i]), &err), MG_INVALID);
		assert_int_equal(err.code, MG_INVALID);
		assert_true(err.text[0] != '\0');
	}
	assert_int_equal(modpath_check(span_make("a.b/x\0y", 7), NULL), MG_INVALID);
}

static void file_paths(void **state)
{
	for (size_t i = 0; i < sizeof good_files / sizeof good_files[0]; i++)
		assert_int_equal(modpath_check_file(span_of(good_files[i]), NULL), MG_OK);
	for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++)
		assert_int_equal(modpath_check_file(span_of(bad_files[i]), NULL), MG_INVALID);
	assert_int_equal(modpath_check_file(span_make("a\0", 2), NULL), MG_INVALID);
}

static void import_paths(void **state)
{
	assert_int_equal(modpath_check_import(SPAN("a.b/c+d"), NULL), MG_OK);
	assert_int_equal(modpath_check_import(SPAN("fmt"), NULL), MG_OK);
	assert_int_equal(modpath_check_import(SPAN(".x/y"), NULL), MG_OK);
	assert_int_equal(modpath_check_import(SPAN("-x"), NULL), MG_INVALID);
	assert_int_equal(modpath_check_import(SPAN("x~1"), NULL), MG_INVALID);
	assert_int_equal(modpath_check_import(SPAN("a b"), NULL), MG_INVALID);
}

static void splits(void **state)
{
	static const struct {
		const char *path, *prefix, *major;
		bool ok;
	} rows[] = {
		{ "example.com/m", "example.com/m", "", true },
		{ "example.com/m/v2", "example.com/m", "/v2", true },
		{ "example.com/v2", "example.com", "/v2", true },
		{ "example.com/m/v1", "example.com/m/v1", "", false },
		{ "example.com/m/v0", "example.com/m/v0", "", false },
		{ "example.com/m/v02", "example.com/m/v02", "", false },
		{ "example.com/m/v2.0", "example.com/m/v2.0", "", false },
		{ "example.com/av2", "example.com/av2", "", true },
		{ "v2", "v2", "", true },
		{ "/v2", "", "/v2", true },
		{ "gopkg.in/yaml.v3", "gopkg.in/yaml", ".v3", true },
		{ "gopkg.in/yaml.v2-unstable", "gopkg.in/yaml", ".v2-unstable", true },
		{ "gopkg.in/yaml.v0", "gopkg.in/yaml", ".v0", true },
		{ "gopkg.in/yaml.v0-unstable", "gopkg.in/yaml.v0-unstable", "", false },
		{ "gopkg.in/yaml.v-unstable", "gopkg.in/yaml", ".v-unstable", true },
		{ "gopkg.in/yaml", "gopkg.in/yaml", "", false },
		{ "gopkg.in/yaml.v", "gopkg.in/yaml.v", "", false },
		{ "gopkg.in/v2", "gopkg.in/v2", "", false },
		{ "", "", "", true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_span prefix, major;
		bool ok = modpath_split(span_of(rows[i].path), &prefix, &major);
		assert_int_equal(ok, rows[i].ok);
		assert_true(span_eq(prefix, span_of(rows[i].prefix)));
		assert_true(span_eq(major, span_of(rows[i].major)));
	}
}

static void majors_that_fit(void **state)
{
	static const struct {
		const char *version, *major;
		bool fits;
	} rows[] = {
		{ "v0.1.0", "", true },
		{ "v1.2.3", "", true },
		{ "v2.0.0", "", false },
		{ "v2.0.0+incompatible", "", true },
		{ "v1.0.0+incompatible", "", true },
		{ "v2.0.0+meta", "", false },
		{ "v2.0.0", "/v2", true },
		{ "v3.0.0", "/v2", false },
		{ "v2.0.0+incompatible", "/v2", true },
		{ "v3.0.0+incompatible", "/v2", false },
		{ "v2.5.0", ".v2-unstable", true },
		{ "v0.0.0-20160101000000-abcdefabcdef", ".v1", true },
		{ "v0.0.0-x", ".v1", true },
		{ "v0.0.0-20160101000000-abcdefabcdef", ".v2", false },
		{ "v0.0.0", ".v1", false },
		{ "junk", "", false },
		{ "junk", "/v2", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(
			modpath_major_fits(span_of(rows[i].version), span_of(rows[i].major)),
			rows[i].fits);
}

static void versions_of_a_path(void **state)
{
	struct mg_err err;
	assert_int_equal(modpath_check_version(SPAN("a.b/m"), SPAN("v1.0.0"), &err), MG_OK);
	assert_int_equal(modpath_check_version(SPAN("a.b/m/v3"), SPAN("v3.0.0"), &err), MG_OK);
	assert_int_equal(modpath_check_version(SPAN("a.b/m"), SPAN("v2.0.0"), &err), MG_INVALID);
	assert_non_null(strstr(err.text, "v0 or v1"));
	assert_int_equal(modpath_check_version(SPAN("a.b/m/v3"), SPAN("v2.0.0"), &err), MG_INVALID);
	assert_non_null(strstr(err.text, "should be v3"));
	assert_int_equal(modpath_check_version(SPAN("a.b/m"), SPAN("v1.0"), &err), MG_INVALID);
	assert_int_equal(modpath_check_version(SPAN("a.b/m"), SPAN("v1.0.0+m"), &err), MG_INVALID);
	assert_int_equal(modpath_check_version(SPAN("m"), SPAN("v1.0.0"), &err), MG_INVALID);
}

static void escapes(void **state)
{
	static const struct {
		const char *plain, *escaped;
		bool rev;
	} rows[] = {
		{ "github.com/Azure/azure-sdk-for-go", "github.com/!azure/azure-sdk-for-go",
		  false },
		{ "a.b/ABC", "a.b/!a!b!c", false },
		{ "v1.2.1-RC1", "v1.2.1-!r!c1", true },
		{ "HEAD", "!h!e!a!d", true },
		{ "v2.0.0+incompatible", "v2.0.0+incompatible", true },
	};
	struct mg_buf out = BUF_MAX(1000);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_span plain = span_of(rows[i].plain), escaped = span_of(rows[i].escaped);
		buf_clear(&out);
		assert_int_equal(rows[i].rev ? modpath_escape_rev(plain, &out, NULL)
					     : modpath_escape(plain, &out, NULL),
				 MG_OK);
		assert_true(span_eq(buf_span(&out), escaped));
		buf_clear(&out);
		assert_int_equal(rows[i].rev ? modpath_unescape_rev(escaped, &out, NULL)
					     : modpath_unescape(escaped, &out, NULL),
				 MG_OK);
		assert_true(span_eq(buf_span(&out), plain));
	}
	buf_deinit(&out);
}

static void escapes_refused(void **state)
{
	static const char *const bad[] = { "!M", "!!a", "a!", "!1", "A", "a\xc3\xa9", "!\xc3", "" };
	struct mg_buf out = BUF_MAX(1000);
	buf_append_str(&out, "kept");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char path[64];
		snprintf(path, sizeof path, "a.b/%s", bad[i]);
		assert_int_equal(modpath_unescape(span_of(path), &out, NULL), MG_INVALID);
		assert_int_equal(modpath_unescape_rev(span_of(bad[i]), &out, NULL), MG_INVALID);
	}
	assert_int_equal(modpath_escape(SPAN("a.b/x!"), &out, NULL), MG_INVALID);
	assert_int_equal(modpath_escape_rev(SPAN("x!"), &out, NULL), MG_INVALID);
	assert_int_equal(modpath_escape_rev(SPAN("feature/x"), &out, NULL), MG_INVALID);
	assert_int_equal(modpath_escape_rev(SPAN("\xc3\xa9"), &out, NULL), MG_INVALID);
	assert_int_equal(modpath_escape_rev(SPAN("\xc3"), &out, NULL), MG_INVALID);
	assert_true(span_eq(buf_span(&out), SPAN("kept")));
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(module_paths),    cmocka_unit_test(file_paths),
		cmocka_unit_test(import_paths),    cmocka_unit_test(splits),
		cmocka_unit_test(majors_that_fit), cmocka_unit_test(versions_of_a_path),
		cmocka_unit_test(escapes),         cmocka_unit_test(escapes_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
