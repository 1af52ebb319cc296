/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hmac.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

void hmac_sha256(struct mg_span key, struct mg_span message, uint8_t out[SHA256_SIZE])
{
	unsigned n = 0;
	MG_ASSERT(key.n <= INT_MAX);
	/* A NULL key would mean the one before. */
	const void *k = key.n > 0 ? key.p : "";
	MG_ASSERT(HMAC(EVP_sha256(), k, (int)key.n, (const unsigned char *)message.p, message.n,
		       out, &n) != NULL &&
		  n == SHA256_SIZE);
}

bool hmac_equal(struct mg_span a, struct mg_span b)
{
	uint8_t of_a[SHA256_SIZE], of_b[SHA256_SIZE];
	sha256_of(a, of_a);
	sha256_of(b, of_b);
	return CRYPTO_memcmp(of_a, of_b, SHA256_SIZE) == 0;
}
