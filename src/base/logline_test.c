/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/logline.h"

#define PREFIX "time=2026-11-23T09:15:00.042Z level=info role=front msg=m "
#define JSON_PREFIX                                                                                \
	"{\"time\":\"2026-11-23T09:15:00.042Z\",\"level\":\"info\",\"role\":\"front\",\"msg\":"    \
	"\"m\","

static struct logline line;

static void make(enum log_format format, const struct log_field *fields, size_t n)
{
	logline_make(&line, format, 1795425300042, "front", LOG_LEVEL_INFO, "m", fields, n);
	assert_true(line.n > 0 && line.n <= sizeof line.text);
	assert_int_equal(line.text[line.n - 1], '\n');
}

static void says(const char *prefix, const char *rest)
{
	char wanted[8300];
	size_t n = strlen(prefix), m = strlen(rest);
	memcpy(wanted, prefix, n);
	memcpy(wanted + n, rest, m + 1);
	line.text[line.n - 1] = '\0';
	assert_string_equal(line.text, wanted);
}

static void test_values(void **state)
{
	static const struct {
		struct mg_span in;
		const char *logfmt, *json; /* json NULL: the same */
	} cases[] = {
		{ SPAN("plain"), "plain", "\"plain\"" },
		{ SPAN(""), "\"\"", NULL },
		{ SPAN("two words"), "\"two words\"", NULL },
		{ SPAN("a=b"), "\"a=b\"", NULL },
		{ SPAN("say \"hi\" \\ bye"), "\"say \\\"hi\\\" \\\\ bye\"", NULL },
		{ SPAN("back\\slash"), "\"back\\\\slash\"", NULL },
		{ SPAN("l1\nl2\r\t\x1b"), "\"l1\\nl2\\r\\t\\u001b\"", NULL },
		{ SPAN("nul\0del\x7f"), "\"nul\\u0000del\\u007f\"", NULL },
		{ SPAN("c1\xc2\x9b ls\xe2\x80\xa8"), "\"c1\\u009b ls\\u2028\"", NULL },
		{ SPAN("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"", NULL },
		{ SPAN("bad\xff"), "\"bad\xef\xbf\xbd\"", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct log_field f[] = { LOG_SP("k", cases[i].in) };
		char rest[200] = "\"k\":";
		make(LOG_FORMAT_LOGFMT, f, 1);
		says(PREFIX "k=", cases[i].logfmt);
		make(LOG_FORMAT_JSON, f, 1);
		strncat(rest, cases[i].json ? cases[i].json : cases[i].logfmt, 100);
		strncat(rest, "}", 2);
		says(JSON_PREFIX, rest);
	}
}

static void test_numbers(void **state)
{
	const struct log_field f[] = { LOG_I("a", 0), LOG_I("b", INT64_MIN),
				       LOG_I("c", INT64_MAX) };
	make(LOG_FORMAT_LOGFMT, f, 3);
	says(PREFIX, "a=0 b=-9223372036854775808 c=9223372036854775807");
	make(LOG_FORMAT_JSON, f, 3);
	says(JSON_PREFIX, "\"a\":0,\"b\":-9223372036854775808,\"c\":9223372036854775807}");
}

/* No password passes, wherever in a value it stands; paths with '@' are left alone. */
static void test_user_info_is_blotted(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "https://user:pw@mirror.example/x", "https://***@mirror.example/x" },
		{ "https://token@mirror.example", "https://***@mirror.example" },
		{ "GET ssh://git:s3cret@h.example/r: refused",
		  "GET ssh://***@h.example/r: refused" },
		{ "https://a:p@ss@h.example/", "https://***@h.example/" },
		{ "https://u:p\"q@h.example/", "https://***@h.example/" },
		{ "https://u:p\xff@h.example/", "https://***@h.example/" },
		{ "x https://u:1@a/ y https://u:2@b/ z", "x https://***@a/ y https://***@b/ z" },
		{ "https://u:1@https://u:2@b", "https://***@https://***@b" },
		{ "https://mirror.example/m/@v/list", "https://mirror.example/m/@v/list" },
		{ "https://mirror.example?a@b", "https://mirror.example?a@b" },
		{ "https://mirror.example me@b", "https://mirror.example me@b" },
		{ "https://@h", "https://@h" },
		{ "://", "://" },
		{ "://u@", "://***@" },
		{ "a://b://c@d", "a://b://***@d" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct log_field f[] = { LOG_S("k", cases[i].in) };
		char rest[200] = "\"";
		make(LOG_FORMAT_LOGFMT, f, 1);
		strncat(rest, cases[i].out, 100);
		strncat(rest, "\"", 2);
		says(PREFIX "k=", rest);
	}
	logline_make(&line, LOG_FORMAT_LOGFMT, 0, "r", LOG_LEVEL_ERROR, "s://u:p@h", NULL, 0);
	line.text[line.n - 1] = '\0';
	assert_string_equal(line.text,
			    "time=1970-01-01T00:00:00.000Z level=error role=r msg=\"s://***@h\"");
}

/* A secret that begins where the value is cut, or behind it, does not show. */
static void test_cut_value_shows_no_secret(void **state)
{
	char value[LOGLINE_VALUE_MAX + 100];
	for (size_t at = LOGLINE_VALUE_MAX - 40; at < LOGLINE_VALUE_MAX + 20; at++) {
		memset(value, 'x', sizeof value);
		static const char url[] = "https://user:SECRET@h/";
		memcpy(value + at, url, sizeof url - 1);
		const struct log_field f[] = { LOG_SP("k", span_make(value, sizeof value)) };
		make(LOG_FORMAT_JSON, f, 1);
		assert_true(line.n < LOGLINE_VALUE_MAX + 120);
		assert_true(span_find(span_make(line.text, line.n), SPAN("SEC")) < 0);
		assert_true(
			span_has_suffix(span_make(line.text, line.n), SPAN("\xe2\x80\xa6\"}\n")));
	}
}

static void test_fields_that_do_not_fit_are_left_out(void **state)
{
	char value[LOGLINE_VALUE_MAX];
	memset(value, '\n', sizeof value);
	struct log_field f[10];
	for (int i = 0; i < 10; i++)
		f[i] = LOG_SP("k", span_make(value, sizeof value));
	make(LOG_FORMAT_JSON, f, 10);
	assert_true(span_has_suffix(span_make(line.text, line.n),
				    SPAN("\\n\xe2\x80\xa6\",\"truncated\":1}\n")));
	make(LOG_FORMAT_LOGFMT, f, 10);
	assert_true(span_has_suffix(span_make(line.text, line.n),
				    SPAN("\xe2\x80\xa6\" truncated=1\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_user_info_is_blotted),
		cmocka_unit_test(test_cut_value_shows_no_secret),
		cmocka_unit_test(test_fields_that_do_not_fit_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
