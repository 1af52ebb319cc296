/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/hex.h"

static void test_encode(void **state)
{
	char out[9] = "........";
	hex_encode("\x00\x9f\xab\xff", 4, out);
	assert_string_equal(out, "009fabff");
}

static void test_decode(void **state)
{
	static const struct {
		const char *in;
		bool ok;
	} cases[] = {
		{ "009fabff", true },   { "009FABFF", false },   { "009fabf", false },
		{ "009fabff0", false }, { "009fabff00", false }, { "", false },
		{ "009fabfg", false },  { "0x9fabff", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned char out[4] = { 1, 2, 3, 4 };
		assert_int_equal(hex_decode(span_of(cases[i].in), out, sizeof out), cases[i].ok);
		assert_memory_equal(out, cases[i].ok ? "\x00\x9f\xab\xff" : "\x01\x02\x03\x04", 4);
	}
	assert_true(hex_decode(SPAN(""), NULL, 0));
}

/* The vectors of RFC 4648 §10, and some bytes of our own. */
static void test_base64(void **state)
{
	static const struct {
		struct mg_span bytes;
		const char *text;
	} cases[] = {
		{ SPAN(""), "" },
		{ SPAN("f"), "Zg==" },
		{ SPAN("fo"), "Zm8=" },
		{ SPAN("foo"), "Zm9v" },
		{ SPAN("foob"), "Zm9vYg==" },
		{ SPAN("fooba"), "Zm9vYmE=" },
		{ SPAN("foobar"), "Zm9vYmFy" },
		{ SPAN("\xfb\xff\xbf\x00"), "+/+/AA==" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf b = BUF_MAX(100);
		hex_base64_encode(cases[i].bytes, &b);
		assert_string_equal(buf_cstr(&b), cases[i].text);
		buf_clear(&b);
		assert_true(hex_base64_decode(span_of(cases[i].text), &b));
		assert_true(span_eq(buf_span(&b), cases[i].bytes));
		buf_deinit(&b);
	}
}

static void test_base64_refused(void **state)
{
	static const char *const cases[] = { "Z",    "Zg",   "Zg=",      "Zh==",    "Zm9=",
					     "====", "=Zg=", "Zg==\n",   "Zm-v",    "Zm_v",
					     "Zm 9", "Z===", "Zg==Zg==", "Zm8=Zg==" };
	struct mg_buf b = BUF_MAX(100);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_false(hex_base64_decode(span_of(cases[i]), &b));
		assert_int_equal(b.n, 0);
	}
	b.max = 2;
	assert_false(hex_base64_decode(SPAN("Zm9v"), &b));
	buf_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
