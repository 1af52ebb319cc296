/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tls/bundle.h"

static const struct bundle two = {
	.n = 2,
	.pairs = { { { "a.pem", 5 }, { "CERT", 4 }, { "a.key", 5 }, { "KEY", 3 }, { "\0\1\n", 3 } },
		   { { "b.pem", 5 }, { "CERT2", 5 }, { "b.key", 5 }, { "KEY2", 4 }, { 0 } } },
	.client_ca_name = { "ca.pem", 6 },
	.client_ca = { "CA", 2 },
	.client_cert_required = true,
};

static void what_was_written_is_read(void **state)
{
	struct mg_buf bytes = BUF_MAX(1000);
	struct bundle got;

	bundle_encode(&two, &bytes);
	assert_int_equal(bundle_decode(buf_span(&bytes), &got, NULL), MG_OK);
	assert_int_equal(got.n, 2);
	assert_true(got.client_cert_required);
	assert_true(span_eq(got.client_ca_name, SPAN("ca.pem")));
	assert_true(span_eq(got.client_ca, SPAN("CA")));
	for (size_t i = 0; i < 2; i++) {
		assert_true(span_eq(got.pairs[i].name, two.pairs[i].name));
		assert_true(span_eq(got.pairs[i].cert, two.pairs[i].cert));
		assert_true(span_eq(got.pairs[i].key_name, two.pairs[i].key_name));
		assert_true(span_eq(got.pairs[i].key, two.pairs[i].key));
		assert_true(span_eq(got.pairs[i].ocsp, two.pairs[i].ocsp));
	}
	buf_deinit(&bytes);
}

static void part_of_a_bundle_is_none(void **state)
{
	struct mg_buf bytes = BUF_MAX(1000);
	struct bundle got;
	struct mg_err err;

	bundle_encode(&two, &bytes);
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(bundle_decode(span_make(bytes.p, n), &got, &err), MG_INVALID);
	buf_append_char(&bytes, 'x');
	assert_int_equal(bundle_decode(buf_span(&bytes), &got, &err), MG_INVALID);
	bytes.n--;
	bytes.p[0] = BUNDLE_PAIRS_MAX + 1;
	assert_int_equal(bundle_decode(buf_span(&bytes), &got, &err), MG_INVALID);
	bytes.p[0] = 0;
	assert_int_equal(bundle_decode(buf_span(&bytes), &got, &err), MG_INVALID);
	bytes.p[0] = 2;
	bytes.p[1] = 2;
	assert_int_equal(bundle_decode(buf_span(&bytes), &got, &err), MG_INVALID);
	buf_deinit(&bytes);
}

static void too_much_is_told(void **state)
{
	struct mg_buf bytes = BUF_MAX(20);

	bundle_encode(&two, &bytes);
	assert_true(buf_failed(&bytes));
	buf_deinit(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(part_of_a_bundle_is_none),
		cmocka_unit_test(too_much_is_told),
	};

	return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
