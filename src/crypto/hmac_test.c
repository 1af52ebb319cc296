/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hmac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hex.h"

/* RFC 4231 §4.2, §4.3, §4.7, and the empty key and message. */
static void test_vectors(void **state)
{
	static char long_key[131];
	static const struct {
		const char *key, *message, *mac;
	} cases[] = {
		{ "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
		  "\x0b",
		  "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe", "what do ya want for nothing?",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ "", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
	};
	memset(long_key, 0xaa, sizeof long_key);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct mg_span key = cases[i].key != NULL
						   ? span_of(cases[i].key)
						   : span_make(long_key, sizeof long_key);
		uint8_t mac[SHA256_SIZE];
		char text[2 * SHA256_SIZE];
		hmac_sha256(key, span_of(cases[i].message), mac);
		hex_encode(mac, sizeof mac, text);
		assert_memory_equal(text, cases[i].mac, sizeof text);
	}
}

static void test_equal(void **state)
{
	assert_true(hmac_equal(SPAN("secret"), SPAN("secret")));
	assert_true(hmac_equal(SPAN(""), (struct mg_span){ 0 }));
	assert_false(hmac_equal(SPAN("secret"), SPAN("secres")));
	assert_false(hmac_equal(SPAN("secret"), SPAN("secre")));
	assert_false(hmac_equal(SPAN(""), SPAN("s")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
