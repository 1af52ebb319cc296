/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void test_set(void **state)
{
	struct mg_err err = { .retry_after_s = 7 };
	assert_int_equal(err_set(&err, MG_DENIED, MG_CAUSE_POLICY, "no %s", "entry"), MG_DENIED);
	assert_int_equal(err.code, MG_DENIED);
	assert_int_equal(err.cause, MG_CAUSE_POLICY);
	assert_int_equal(err.retry_after_s, 0);
	assert_string_equal(err.text, "no entry");
	assert_int_equal(err_set(NULL, MG_CORRUPT, MG_CAUSE_NONE, "x"), MG_CORRUPT);
}

static void test_text_is_one_printable_line(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a\r\nb\tc\x1b[1m\x7f", "a??b?c?[1m?" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "bad\xff\xc3", "bad??" },
		{ "c1 \xc2\x9b sep \xe2\x80\xa8", "c1 ? sep ?" },
		{ "", "" },
	};
	struct mg_err err;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		err_set(&err, MG_INVALID, MG_CAUSE_NONE, "%s", cases[i].in);
		assert_string_equal(err.text, cases[i].out);
	}
}

static void test_cut_at_a_character(void **state)
{
	char longer[2 * MG_ERR_TEXT + 1] = "";
	struct mg_err err;
	for (size_t lead = 0; lead < 3; lead++) {
		memset(longer, 'x', lead);
		for (size_t i = lead; i + 3 < sizeof longer; i += 3)
			memcpy(longer + i, "\xe2\x82\xac", 4);
		err_set(&err, MG_INVALID, MG_CAUSE_NONE, "%s", longer);
		size_t n = strlen(err.text);
		assert_true(n > MG_ERR_TEXT - 4 && n < MG_ERR_TEXT);
		assert_int_equal((n - lead) % 3, 0);
	}
}

static void test_wrap(void **state)
{
	struct mg_err err;
	err_set(&err, MG_TIMEOUT, MG_CAUSE_DNS, "no answer");
	err.retry_after_s = 3;
	assert_int_equal(err_wrap(&err, "upstream %d", 2), MG_TIMEOUT);
	assert_string_equal(err.text, "upstream 2: no answer");
	assert_int_equal(err.cause, MG_CAUSE_DNS);
	assert_int_equal(err.retry_after_s, 3);
	for (int i = 0; i < 200; i++)
		err_wrap(&err, "again and again");
	assert_int_equal(strlen(err.text), MG_ERR_TEXT - 1);
	err_wrap(&err, "%*d", 3000, 1);
	assert_int_equal(strlen(err.text), MG_ERR_TEXT - 1);
}

static void test_own_text_as_argument(void **state)
{
	struct mg_err err;
	err_set(&err, MG_TIMEOUT, MG_CAUSE_DNS, "inner");
	err_set(&err, MG_UNAVAILABLE, MG_CAUSE_DNS, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
}

static void test_errno(void **state)
{
	static const struct {
		int errnum;
		enum mg_code code;
		const char *text;
	} cases[] = {
		{ ENOENT, MG_NOT_FOUND, "open x: No such file or directory" },
		{ ENOTDIR, MG_NOT_FOUND, "open x: Not a directory" },
		{ ENOSPC, MG_UNAVAILABLE, "open x: No space left on device" },
		{ EDQUOT, MG_UNAVAILABLE, "open x: Disk quota exceeded" },
		{ EMFILE, MG_UNAVAILABLE, "open x: Too many open files" },
		{ EIO, MG_UNAVAILABLE, "open x: Input/output error" },
		{ 99999, MG_UNAVAILABLE, "open x: error 99999" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_err err;
		assert_int_equal(err_errno(&err, cases[i].errnum, "open %s", "x"), cases[i].code);
		assert_int_equal(err.cause, MG_CAUSE_STORAGE);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void test_names(void **state)
{
	for (int i = 0; i < MG_CODE_COUNT; i++)
		assert_true(strlen(err_code_name((enum mg_code)i)) > 0);
	for (int i = 0; i < MG_CAUSE_COUNT; i++)
		assert_true(strlen(err_cause_name((enum mg_cause)i)) > 0);
	assert_string_equal(err_code_name(MG_NOT_FOUND), "not_found");
	assert_string_equal(err_code_name((enum mg_code)999), "unknown");
	assert_string_equal(err_cause_name(MG_CAUSE_STORAGE), "storage");
	assert_string_equal(err_cause_name((enum mg_cause)999), "unknown");
}

static void test_http_status(void **state)
{
	static const struct {
		enum mg_code code;
		enum mg_cause cause;
		int status;
	} cases[] = {
		{ MG_OK, MG_CAUSE_NONE, 200 },
		{ MG_NOT_FOUND, MG_CAUSE_STORAGE, 404 },
		{ MG_DENIED, MG_CAUSE_POLICY, 403 },
		{ MG_INVALID, MG_CAUSE_NONE, 400 },
		{ MG_TIMEOUT, MG_CAUSE_CONNECT, 504 },
		{ MG_UNAVAILABLE, MG_CAUSE_DNS, 502 },
		{ MG_UNAVAILABLE, MG_CAUSE_CONNECT, 502 },
		{ MG_UNAVAILABLE, MG_CAUSE_TLS, 502 },
		{ MG_UNAVAILABLE, MG_CAUSE_HTTP, 502 },
		{ MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, 502 },
		{ MG_UNAVAILABLE, MG_CAUSE_PROOF, 503 },
		{ MG_UNAVAILABLE, MG_CAUSE_VCS, 502 },
		{ MG_UNAVAILABLE, MG_CAUSE_NONE, 503 },
		{ MG_UNAVAILABLE, MG_CAUSE_STORAGE, 503 },
		{ MG_UNAVAILABLE, MG_CAUSE_POLICY, 503 },
		{ MG_UNAVAILABLE, MG_CAUSE_AUTH, 503 },
		{ MG_UNAVAILABLE, (enum mg_cause)999, 503 },
		{ MG_CORRUPT, MG_CAUSE_UPSTREAM, 502 },
		{ MG_CORRUPT, MG_CAUSE_NONE, 502 },
		{ MG_CORRUPT, MG_CAUSE_STORAGE, 503 },
		{ MG_CANCELED, MG_CAUSE_NONE, 503 },
		{ MG_INTERNAL, MG_CAUSE_NONE, 500 },
		{ (enum mg_code)999, MG_CAUSE_NONE, 500 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(err_http_status(cases[i].code, cases[i].cause), cases[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_text_is_one_printable_line),
		cmocka_unit_test(test_cut_at_a_character),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_own_text_as_argument),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_http_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
