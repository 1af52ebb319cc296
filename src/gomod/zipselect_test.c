/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/zipselect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GO_1_23 "module a.b\n\ngo 1.23\n"
#define GO_1_24 "module a.b\n\ngo 1.24\n"
#define MANY    16

/* Paths, a symbolic link's with "@" before it. */
static size_t list(const char *const *paths, struct zipselect_entry *out)
{
	size_t n = 0;
	for (; n < MANY && paths[n] != NULL; n++) {
		const bool link = paths[n][0] == '@';
		out[n] = (struct zipselect_entry){ span_of(paths[n] + link), !link, true };
	}
	return n;
}

static bool is_in(const char *const *paths, struct mg_span path)
{
	for (size_t i = 0; i < MANY && paths[i] != NULL; i++)
		if (span_eq(span_of(paths[i]), path)) return true;
	return false;
}

static void expect_taken(const char *const *given, const char *const *taken, const char *gomod,
			 enum zipselect_era era)
{
	struct zipselect_entry entries[MANY];
	struct mg_err err = { 0 };
	const size_t n = list(given, entries);
	if (zipselect_run(entries, n, span_of(gomod), era, &err) != MG_OK) fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++)
		if (entries[i].taken != is_in(taken, entries[i].path))
			fail_msg("%s, %s", given[i], zipselect_era_name(era));
}

static void test_vendored(void **state)
{
	static const char *const tree[] = { "go.mod",
					    "vendor/modules.txt",
					    "vendor/foo.go",
					    "vendor/x/y.go",
					    "pkg/vendor/vendor.go",
					    "pkg/vendor/foo/foo.go",
					    "x/vendor/modules.txt",
					    "a/vendor",
					    "vendorx/z/z.go",
					    "xvendor/z/z.go",
					    NULL };
	static const char *const old[] = { "go.mod",   "vendor/modules.txt", "vendor/foo.go",
					   "a/vendor", "vendorx/z/z.go",     "xvendor/z/z.go",
					   NULL };
	static const char *const new[] = {
		"go.mod",   "vendor/foo.go",  "pkg/vendor/vendor.go", "x/vendor/modules.txt",
		"a/vendor", "vendorx/z/z.go", "xvendor/z/z.go",       NULL
	};
	static const struct {
		const char *gomod;
		bool is_new;
	} rows[] = {
		{ "", false },
		{ "module a.b\n", false },
		{ GO_1_23, false },
		{ GO_1_24, true },
		{ "module a.b\ngo 1.24.7\n", true },
		{ "module a.b\ngo 1.24rc1\n", true },
		{ "module a.b\ngo 1.23rc2\n", false },
		{ "module a.b\ngo 1.100\n", true },
		{ "module a.b\ngo 1.3\n", false },
		{ "module a.b\ngo 2.0\n", true },
		{ "module a.b\ngo 0.99\n", false },
		{ "module a.b\ngo 1.24.x\n", true },
		{ "module a.b\ngo 1.24.1rc1\n", false },
		{ "module a.b\ngo 99999999999999999999.1\n", true },
		{ "module a.b\r\n\r\ngo 1.24\r\n", true },
		{ "module a.b\ngo x\n", false },
		{ "go 1.24\nretract [v1\n", true },
		{ "go 1.24\nretract (\n", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		expect_taken(tree, rows[i].is_new ? new : old, rows[i].gomod, ZIPSELECT_GO_1_24);
		expect_taken(tree, old, rows[i].gomod, ZIPSELECT_GO_1_14);
		expect_taken(tree, old, rows[i].gomod, ZIPSELECT_GO_1_12);
	}
}

static void test_left_out(void **state)
{
	static const struct {
		const char *given[MANY], *taken[MANY];
	} rows[] = {
		{ { NULL }, { NULL } },
		/* nested modules, whatever order their go.mod comes in */
		{ { "m/a/b.go", "m/go.mod", "m/x/y/z.go", "m.go", "m-x/a.go", "go.mod", "mm/a" },
		  { "m.go", "m-x/a.go", "go.mod", "mm/a" } },
		{ { "m/GO.mod", "m/a", "n/Go.Mod/a" }, { "n/Go.Mod/a" } },
		{ { "@m/go.mod", "m/a" }, { "m/a" } },
		{ { "m/go.mod", "m/n/go.mod", "m/n/a", "m/o", "a" }, { "a" } },
		{ { "a/go.mod", "b/go.mod", "a.go", "b.go", "ab/x", "b0/x", "c/a/go.mod", "c/b" },
		  { "a.go", "b.go", "ab/x", "b0/x", "c/b" } },
		/* bad names do not matter there, nor below vendor */
		{ { "m/go.mod", "m/aux.go", "vendor/x/a?b", "a" }, { "a" } },
		{ { ".hg_archival.txt", "a/.hg_archival.txt" }, { "a/.hg_archival.txt" } },
		{ { "@link", "@d/link", "a" }, { "a" } },
		{ { ".git/config", ".gitattributes", "d/.svn/x" },
		  { ".git/config", ".gitattributes", "d/.svn/x" } },
		{ { "a", "a b", "h\xc3\xa9.go" }, { "a", "a b", "h\xc3\xa9.go" } },
		{ { "@go.mod", "a" }, { "a" } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_taken(rows[i].given, rows[i].taken, GO_1_23, ZIPSELECT_GO_1_24);
}

static void test_refused(void **state)
{
	static const struct {
		const char *given[3], *text;
	} rows[] = {
		{ { "./a" }, "./a: file path is not clean" },
		{ { "a//b" }, "not clean" },
		{ { "/a" }, "not clean" },
		{ { "a/" }, "not clean" },
		{ { "" }, "not clean" },
		{ { "a/../b" }, "not clean" },
		{ { "a/./b" }, "not clean" },
		{ { "./vendor/x/y" }, "not clean" },
		{ { "../a" }, "malformed" },
		{ { ".." }, "malformed" },
		{ { "." }, "malformed" },
		{ { "aux.go" }, "malformed" },
		{ { "a\nb" }, "malformed" },
		{ { "e\xcc\x81" }, "malformed" },
		{ { "\xff" }, "malformed" },
		{ { "Go.mod" }, "small letters" },
		{ { "@GO.MOD" }, "small letters" },
		{ { "README", "readme" }, "case only" },
		{ { "a/x", "A/y" }, "case only" },
		{ { "@A", "a" }, "case only" },
		{ { "k", "\xe2\x84\xaa" }, "case only" },
		{ { "a", "a/b" }, "both a file and a directory" },
		{ { "LICENSE", "license" }, "case only" },
		{ { "a", "a" }, "twice" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zipselect_entry entries[MANY];
		struct mg_err err = { 0 };
		const size_t n = list(rows[i].given, entries);
		assert_int_equal(zipselect_run(entries, n, SPAN(""), ZIPSELECT_GO_1_24, &err),
				 MG_NOT_FOUND);
		assert_int_equal(err.cause, MG_CAUSE_VCS);
		if (strstr(err.text, rows[i].text) == NULL) fail_msg("%s", err.text);
	}
}

static void test_go_1_12(void **state)
{
	static const struct {
		const char *given[MANY], *taken[MANY];
	} rows[] = {
		{ { "@m/go.mod", "m/a", "b" }, { "b" } },
		{ { "@A", "a" }, { "a" } },
		{ { "@a?b", "c" }, { "c" } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_taken(rows[i].given, rows[i].taken, GO_1_24, ZIPSELECT_GO_1_12);
	struct zipselect_entry entry = { .path = SPAN("m/GO.mod"), .regular = true };
	assert_int_equal(zipselect_run(&entry, 1, SPAN(""), ZIPSELECT_GO_1_12, NULL), MG_NOT_FOUND);
}

static void test_license(void **state)
{
	static const struct {
		const char *given[4];
		bool now, in_1_12;
	} rows[] = {
		{ { NULL }, true, true },
		{ { "LICENSE.txt", "a/LICENSE", "License" }, true, true },
		{ { "a", "LICENSE" }, false, false },
		{ { "@LICENSE" }, false, true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zipselect_entry entries[MANY];
		const size_t n = list(rows[i].given, entries);
		assert_int_equal(zipselect_wants_license(entries, n, ZIPSELECT_GO_1_24),
				 rows[i].now);
		assert_int_equal(zipselect_wants_license(entries, n, ZIPSELECT_GO_1_14),
				 rows[i].now);
		assert_int_equal(zipselect_wants_license(entries, n, ZIPSELECT_GO_1_12),
				 rows[i].in_1_12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vendored), cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_refused),  cmocka_unit_test(test_go_1_12),
		cmocka_unit_test(test_license),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
