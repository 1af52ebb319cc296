/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "text/json.h"

static struct json *parsed(const char *text)
{
	struct json *j = NULL;
	struct mg_err err;
	if (json_parse(span_of(text), &j, &err) != MG_OK) fail_msg("%s: %s", text, err.text);
	assert_non_null(j);
	return j;
}

static void test_reading(void **state)
{
	struct json *j = parsed("{\"s\":\"a\\u00fcb\",\"n\":-42,\"t\":true,\"f\":false,\"z\":null,"
				"\"r\":1.5,\"a\":[1,\"two\",{}]}");
	struct mg_span s = { 0 };
	int64_t n = 0;
	bool b = false;
	assert_true(json_as_string(json_member(j, "s"), &s));
	assert_true(span_eq(s, SPAN("a\xc3\xbc"
				    "b")));
	assert_true(json_as_int(json_member(j, "n"), &n));
	assert_int_equal(n, -42);
	assert_true(json_as_bool(json_member(j, "t"), &b) && b);
	assert_true(json_as_bool(json_member(j, "f"), &b) && !b);
	assert_non_null(json_member(j, "z"));
	assert_int_equal(json_count(j), 7);

	const struct json *a = json_member(j, "a");
	assert_int_equal(json_count(a), 3);
	assert_true(json_as_int(json_at(a, 0), &n) && n == 1);
	assert_true(json_as_string(json_at(a, 1), &s));
	assert_null(json_at(a, 3));
	assert_null(json_at(j, 0));
	assert_int_equal(json_count(json_at(a, 2)), 0);
	json_free(&j);
	assert_null(j);
	json_free(&j);
}

static void test_other_types_are_refused(void **state)
{
	struct json *j = parsed("{\"s\":\"1\",\"n\":1,\"r\":1.0,\"z\":null}");
	struct mg_span s;
	int64_t n;
	bool b;
	assert_false(json_as_int(json_member(j, "s"), &n));
	assert_false(json_as_int(json_member(j, "r"), &n));
	assert_false(json_as_string(json_member(j, "n"), &s));
	assert_false(json_as_string(json_member(j, "z"), &s));
	assert_false(json_as_bool(json_member(j, "n"), &b));
	assert_false(json_as_bool(NULL, &b));
	assert_false(json_as_int(NULL, &n));
	assert_false(json_as_string(NULL, &s));
	assert_null(json_member(NULL, "x"));
	assert_null(json_member(json_member(j, "s"), "x"));
	assert_null(json_member(j, "x"));
	assert_null(json_at(NULL, 0));
	assert_int_equal(json_count(NULL), 0);
	assert_int_equal(json_count(json_member(j, "s")), 0);
	json_free(&j);
}

static void test_any_value_may_be_the_root(void **state)
{
	static const char *const cases[] = { "1",
					     "\"x\"",
					     "null",
					     "true",
					     " [] ",
					     "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
					     "\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"" };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json *j = parsed(cases[i]);
		json_free(&j);
	}
}

static void test_refused(void **state)
{
	static const struct {
		struct mg_span in;
		const char *says;
	} cases[] = {
		{ SPAN(""), "malformed JSON at line 1" },
		{ { 0 }, "malformed JSON at line 1" },
		{ SPAN("{\"a\":1,\"a\":2}"), "duplicate" },
		{ SPAN("{} x"), "malformed JSON" },
		{ SPAN("{}{}"), "malformed JSON" },
		{ SPAN("[1,\n2,,]"), "line 2" },
		{ SPAN("\"\\u0000\""), "malformed JSON" },
		{ SPAN("\"\xff\""), "unable to decode byte 0xff" },
		{ SPAN("{'a':1}"), "malformed JSON" },
		{ SPAN("99999999999999999999"), "malformed JSON" },
		{ SPAN("[1]\0"), "malformed JSON" },
		{ SPAN("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"), "deeper than 16" },
		{ SPAN("]]{\"a\":[[[[[[[[[[[[[[[[[[["), "deeper than 16" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json *j = NULL;
		struct mg_err err = { 0 };
		assert_int_equal(json_parse(cases[i].in, &j, &err), MG_INVALID);
		assert_null(j);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("case %zu says: %s", i, err.text);
	}
}

static void test_size_is_bounded(void **state)
{
	size_t most = (size_t)1 << 20;
	char *text = malloc(most + 1);
	assert_non_null(text);
	memset(text, ' ', most + 1);
	text[0] = '7';
	struct json *j = NULL;
	assert_int_equal(json_parse(span_make(text, most), &j, NULL), MG_OK);
	json_free(&j);
	assert_int_equal(json_parse(span_make(text, most + 1), &j, NULL), MG_INVALID);
	free(text);
}

static void test_quote(void **state)
{
	static const struct {
		struct mg_span in;
		const char *out;
	} cases[] = {
		{ SPAN(""), "\"\"" },
		{ SPAN("a\"b\\c/"), "\"a\\\"b\\\\c/\"" },
		{ SPAN("\0\n\x1f\x7f"), "\"\\u0000\\u000a\\u001f\\u007f\"" },
		{ SPAN("\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ SPAN("x\xc3(\xff"), "\"x\xef\xbf\xbd(\xef\xbf\xbd\"" },
		{ SPAN("\xe2\x80\xa8"), "\"\\u2028\"" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf b = BUF_MAX(100);
		json_quote(cases[i].in, &b);
		assert_string_equal(buf_cstr(&b), cases[i].out);
		buf_deinit(&b);
	}
	struct mg_buf b = BUF_MAX(3);
	json_quote(SPAN("too long"), &b);
	assert_true(buf_failed(&b));
	buf_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_other_types_are_refused),
		cmocka_unit_test(test_any_value_may_be_the_root),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_size_is_bounded),
		cmocka_unit_test(test_quote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
