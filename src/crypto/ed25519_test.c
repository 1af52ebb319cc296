/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ed25519.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/hex.h"

/* RFC 8032 §7.1, TEST 1 to 3. */
static const struct {
	const char *seed, *key, *message, *signature;
} vectors[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
	  "1c"
	  "f9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
	  "d0"
	  "f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
	  "984"
	  "dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static void test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		uint8_t seed[32], key[32], want[64], got[64], message[2];
		struct mg_span text = span_make(message, strlen(vectors[i].message) / 2);
		assert_true(hex_decode(span_of(vectors[i].seed), seed, sizeof seed));
		assert_true(hex_decode(span_of(vectors[i].signature), want, sizeof want));
		assert_true(hex_decode(span_of(vectors[i].message), message, text.n));
		ed25519_public(seed, key);
		char hex[65] = "";
		hex_encode(key, sizeof key, hex);
		assert_string_equal(hex, vectors[i].key);
		ed25519_sign(seed, text, got);
		assert_memory_equal(got, want, sizeof want);
		assert_true(ed25519_verify(key, text, span_make(got, sizeof got)));
	}
}

static void test_refused(void **state)
{
	static const uint8_t group_order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a,       0x63,
						 0x12, 0x58, 0xd6, 0x9c, 0xf7,       0xa2,
						 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	uint8_t seed[32] = { 7 }, key[32], sig[64], bad[65] = { 0 };
	struct mg_span text = SPAN("go.sum database tree\n");
	ed25519_public(seed, key);
	ed25519_sign(seed, text, sig);
	for (size_t bit = 0; bit < 8 * sizeof sig; bit++) {
		memcpy(bad, sig, sizeof sig);
		bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(ed25519_verify(key, text, span_make(bad, sizeof sig)));
	}
	memcpy(bad, sig, sizeof sig);
	assert_false(ed25519_verify(key, text, span_make(bad, 63)));
	assert_false(ed25519_verify(key, text, span_make(bad, 65)));
	assert_false(ed25519_verify(key, text, (struct mg_span){ 0 }));
	assert_false(ed25519_verify(key, span_from(text, 1), span_make(sig, sizeof sig)));
	/* S + L is the same number to the curve: one message would have two signatures (§5.1.7). */
	unsigned carry = 0;
	for (size_t i = 0; i < 32; i++) {
		carry += bad[32 + i] + (unsigned)group_order[i];
		bad[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_false(ed25519_verify(key, text, span_make(bad, sizeof sig)));
	/* y = 2 belongs to no point. */
	memset(key, 0, sizeof key);
	key[0] = 2;
	assert_false(ed25519_verify(key, text, span_make(sig, sizeof sig)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
