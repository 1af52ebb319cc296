/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/rsasign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static EVP_PKEY *made(unsigned bits, char *pem, size_t size)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);
	BIO *bytes = BIO_new(BIO_s_mem());
	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PrivateKey(bytes, key, NULL, NULL, 0, NULL, NULL), 1);
	const int n = BIO_read(bytes, pem, (int)size - 1);
	assert_true(n > 0);
	pem[n] = '\0';
	BIO_free(bytes);
	return key;
}

static void others_can_verify_it(void **state)
{
	char pem[4096];
	EVP_PKEY *key = made(2048, pem, sizeof pem);
	struct mg_buf out = BUF_MAX(1024);
	assert_int_equal(rsasign_sha256(span_of(pem), SPAN("message"), &out, NULL), MG_OK);
	assert_int_equal(out.n, 256);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(ctx, (unsigned char *)out.p, out.n,
					  (const unsigned char *)"message", 7),
			 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_deinit(&out);
}

static void refused(void **state)
{
	char pem[4096];
	EVP_PKEY *key = made(1024, pem, sizeof pem);
	const char *const keys[] = {
		pem, "", "CANARY",
		"-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"
	};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct mg_buf out = BUF_MAX(1024);
		struct mg_err err = { 0 };
		assert_int_equal(rsasign_sha256(span_of(keys[i]), SPAN("m"), &out, &err),
				 MG_INVALID);
		assert_int_equal(out.n, 0);
		assert_null(strstr(err.text, "CANARY"));
	}
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_can_verify_it),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
