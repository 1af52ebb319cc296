/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/lookup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ZIP "h1:ICeL3t2L30ljSPHHxDnR4fqVcBt/zR2zJAb9juavmQg="
#define MOD "h1:u5fzIrRInkL8MaO1cbRkUHT64v303YIT5KEqpNr7jRs="
#define A   "golang.org/x/mod v0.42.0 " ZIP "\n"
#define B   "golang.org/x/mod v0.42.0/go.mod " MOD "\n"

static void paths(void **state)
{
	static const struct {
		const char *path, *version, *want; /* NULL: MG_INVALID */
	} rows[] = {
		{ "golang.org/x/mod", "v0.42.0", "lookup/golang.org/x/mod@v0.42.0" },
		{ "github.com/Azure/x", "v1.0.0-RC1", "lookup/github.com/!azure/x@v1.0.0-!r!c1" },
		{ "a.b/c", "v2.0.0+incompatible", "lookup/a.b/c@v2.0.0+incompatible" },
		{ "a.b/!c", "v1.0.0", NULL },
		{ "a.b/../c", "v1.0.0", NULL },
		{ "", "v1.0.0", NULL },
		{ "a.b/c", "v1/2", NULL },
		{ "a.b/c", "", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(LOOKUP_PATH_MAX);
		enum mg_code rc =
			lookup_path(span_of(rows[i].path), span_of(rows[i].version), &out, NULL);
		if (rc != (rows[i].want != NULL ? MG_OK : MG_INVALID)) fail_msg("row %zu", i);
		if (rc == MG_OK) assert_string_equal(buf_cstr(&out), rows[i].want);
		buf_deinit(&out);
	}
	static char longest[LOOKUP_PATH_MAX];
	struct mg_buf out = BUF_MAX(LOOKUP_PATH_MAX);
	memset(longest, 'a', sizeof longest);
	assert_int_equal(
		lookup_path(span_make(longest, sizeof longest), SPAN("v1.0.0"), &out, NULL),
		MG_INVALID);
	buf_deinit(&out);
}

static void answers(void **state)
{
	static const struct {
		struct mg_span answer;
		bool ok;
		uint64_t record;
		const char *text, *note;
	} rows[] = {
		{ SPAN("67638482\n" A B "\nnote\n"), true, 67638482, A B, "note\n" },
		{ SPAN("0\nx\n\n"), true, 0, "x\n", "" },
		{ SPAN("0\n\nx\n\ny"), true, 0, "\nx\n", "y" },
		{ SPAN("0\n\n\n"), true, 0, "\n", "" },
		{ SPAN("1\nx\n\ny\n\nz\n"), true, 1, "x\n", "y\n\nz\n" },
		{ SPAN("9223372036854775807\nx\n\n"), true, INT64_MAX, "x\n", "" },
		{ SPAN("9223372036854775808\nx\n\n"), false },
		{ SPAN("-1\nx\n\n"), false },
		{ SPAN("+1\nx\n\n"), false },
		{ SPAN("01\nx\n\n"), false },
		{ SPAN("\nx\n\n"), false },
		{ SPAN("1"), false },
		{ SPAN("1\n"), false },
		{ SPAN("1\n\n"), false },
		{ SPAN("1\nx\n"), false },
		{ SPAN("1\nx\t\n\n"), false },
		{ SPAN("1\nx\0\n\n"), false },
		{ SPAN("1\nx\xff\n\n"), false },
		{ SPAN("1\r\nx\n\n"), false },
		{ SPAN(""), false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct lookup l;
		if (lookup_parse(rows[i].answer, &l) != rows[i].ok) fail_msg("row %zu", i);
		if (!rows[i].ok) continue;
		assert_int_equal(l.record, rows[i].record);
		assert_true(span_eq(l.text, span_of(rows[i].text)));
		assert_true(span_eq(l.note, span_of(rows[i].note)));
		struct mg_buf out = BUF_MAX(1000);
		assert_true(lookup_print(l.record, l.text, &out));
		buf_append(&out, l.note);
		assert_true(span_eq(buf_span(&out), rows[i].answer));
		buf_deinit(&out);
	}
	struct mg_buf out = BUF_MAX(1000);
	assert_false(lookup_print(1, SPAN(""), &out));
	assert_false(lookup_print(1, SPAN("x"), &out));
	assert_false(lookup_print(1, SPAN("x\n\ny\n"), &out));
	buf_deinit(&out);
}

static void lines(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ A B, true },
		{ B A, true },
		{ A A B B, true },
		{ "x\n" A "y z h1:a\n" B, true },
		{ A "golang.org/x/mod v0.42.0 h2:xyzzy\n" B, true },
		/* CVE-2026-42501: no line for the module, or only one of the two. */
		{ "", false },
		{ "\n", false },
		{ A, false },
		{ B, false },
		{ "golang.org/x/mod v0.42.1 " ZIP "\n" B, false },
		{ "golang.org/x/mod/v2 v0.42.0 " ZIP "\n" B, false },
		{ " " A B, false },
		{ "x" A B, false },
		{ "golang.org/x/mod  v0.42.0 " ZIP "\n" B, false },
		{ "golang.org/x/mod v0.42.0  " ZIP "\n" B, false },
		{ "golang.org/x/mod v0.42.0 h2:x\n" B, false },
		/* Two answers are none. */
		{ A "golang.org/x/mod v0.42.0 " MOD "\n" B, false },
		{ A B "golang.org/x/mod v0.42.0/go.mod " ZIP "\n", false },
		{ A B "golang.org/x/mod v0.42.0 h1:uppercase!=\n", false },
		{ A B "golang.org/x/mod v0.42.0 h1:\n", false },
		{ "golang.org/x/mod v0.42.0 " ZIP " \n" B, false },
		{ "golang.org/x/mod v0.42.0 h1:ICeL3t2L30ljSPHHxDnR4fqVcBt/zR2zJAb9juavmQgA\n" B,
		  false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct lookup_sums sums;
		enum mg_code rc = lookup_find(span_of(rows[i].text), SPAN("golang.org/x/mod"),
					      SPAN("v0.42.0"), &sums, NULL);
		if (rc != (rows[i].ok ? MG_OK : MG_CORRUPT)) fail_msg("row %zu", i);
		if (rc != MG_OK) continue;
		assert_string_equal(sums.zip, ZIP);
		assert_string_equal(sums.mod, MOD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(answers),
		cmocka_unit_test(lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
