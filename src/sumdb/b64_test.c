/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/b64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void table(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: malformed */
	} rows[] = {
		{ "", "" },        { "Zg==", "f" },         { "Zm8=", "fo" },
		{ "Zm9v", "foo" }, { "Zm9vYg==", "foob" },  { "Zh==", "f" },
		{ "Zm9=", "fo" },  { "Z\ng\r=\n=\n", "f" }, { "Zm8=\n", "fo" },
		{ "\r\n", "" },    { "Z", NULL },           { "Zg", NULL },
		{ "Zg=", NULL },   { "Zm8", NULL },         { "=", NULL },
		{ "Z===", NULL },  { "Zg===", NULL },       { "Zm8==", NULL },
		{ "Zm9v=", NULL }, { "Zg==Zg==", NULL },    { "Zm8=Z", NULL },
		{ "Zm 9v", NULL }, { "Zm9-", NULL },        { "Zm9_", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(100);
		bool ok = b64_decode(span_of(rows[i].in), &out);
		if (ok != (rows[i].out != NULL)) fail_msg("row %zu", i);
		if (ok) assert_true(span_eq(buf_span(&out), span_of(rows[i].out)));
		buf_deinit(&out);
	}
}

static void exact(void **state)
{
	char out[3] = "xx";
	assert_true(b64_decode_exact(SPAN("Zm8="), out, 2));
	assert_string_equal(out, "fo");
	assert_false(b64_decode_exact(SPAN("Zm9v"), out, 2));
	assert_false(b64_decode_exact(SPAN("Zg=="), out, 2));
	assert_string_equal(out, "fo");
	assert_true(b64_decode_exact(SPAN(""), out, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
