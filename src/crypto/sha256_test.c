/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/sha256.h"

static void is_digest(const uint8_t digest[SHA256_SIZE], const char *hex)
{
	char text[2 * SHA256_SIZE + 1] = "";
	hex_encode(digest, SHA256_SIZE, text);
	assert_string_equal(text, hex);
}

/* FIPS 180-4 examples (NIST CSRC), and the empty message. */
static const struct {
	struct mg_span message;
	const char *hex;
} vectors[] = {
	{ SPAN(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ SPAN("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void test_vectors(void **state)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		uint8_t digest[SHA256_SIZE];
		sha256_of(vectors[i].message, digest);
		is_digest(digest, vectors[i].hex);
	}
	uint8_t digest[SHA256_SIZE];
	sha256_of((struct mg_span){ 0 }, digest);
	is_digest(digest, vectors[0].hex);
}

static void test_million_in_pieces(void **state)
{
	char piece[997];
	memset(piece, 'a', sizeof piece);
	struct sha256 h = { 0 };
	uint8_t digest[SHA256_SIZE];
	sha256_init(&h);
	for (size_t left = 1000000; left > 0;) {
		size_t n = left < sizeof piece ? left : sizeof piece;
		sha256_update(&h, span_make(piece, n));
		left -= n;
	}
	sha256_final(&h, digest);
	is_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_null(h.ctx);
}

static void test_peek_disturbs_nothing(void **state)
{
	struct sha256 h = { 0 };
	uint8_t digest[SHA256_SIZE];
	sha256_init(&h);
	sha256_peek(&h, digest);
	is_digest(digest, vectors[0].hex);
	sha256_update(&h, SPAN("abc"));
	sha256_peek(&h, digest);
	is_digest(digest, vectors[1].hex);
	sha256_update(&h, span_from(vectors[2].message, 3));
	sha256_final(&h, digest);
	sha256_of(vectors[2].message, digest);
	is_digest(digest, vectors[2].hex);
}

static void test_pairs(void **state)
{
	uint8_t level[8 * SHA256_SIZE], want[4 * SHA256_SIZE];
	for (size_t i = 0; i < sizeof level; i++)
		level[i] = (uint8_t)i;
	for (size_t i = 0; i < 4; i++) {
		uint8_t message[65] = { 1 };
		memcpy(message + 1, level + 64 * i, 64);
		sha256_of(span_make(message, sizeof message), want + SHA256_SIZE * i);
	}
	sha256_pairs(1, level, 4, level);
	assert_memory_equal(level, want, sizeof want);
	sha256_pairs(1, level, 0, NULL);
}

static void test_deinit_is_idempotent(void **state)
{
	struct sha256 h = { 0 };
	sha256_deinit(&h);
	sha256_init(&h);
	sha256_deinit(&h);
	sha256_deinit(&h);
	assert_null(h.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_million_in_pieces),
		cmocka_unit_test(test_peek_disturbs_nothing),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_deinit_is_idempotent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
