/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ed25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/check.h"

bool ed25519_verify(const uint8_t key[ED25519_PUBLIC_SIZE], struct mg_span message,
		    struct mg_span signature)
{
	if (signature.n != ED25519_SIGNATURE_SIZE) return false;
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_PUBLIC_SIZE);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	MG_ASSERT(pkey != NULL && ctx != NULL);
	MG_ASSERT(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1);
	bool good = EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
				     (const unsigned char *)message.p, message.n) == 1;
	/* A refused signature may leave its reason in the thread's queue, where it would be taken
	 * for that of a later call. */
	if (!good) ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

static EVP_PKEY *private_key(const uint8_t seed[ED25519_SEED_SIZE])
{
	EVP_PKEY *pkey =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_SEED_SIZE);
	MG_ASSERT(pkey != NULL);
	return pkey;
}

void ed25519_sign(const uint8_t seed[ED25519_SEED_SIZE], struct mg_span message,
		  uint8_t out[ED25519_SIGNATURE_SIZE])
{
	size_t n = ED25519_SIGNATURE_SIZE;
	EVP_PKEY *pkey = private_key(seed);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	MG_ASSERT(ctx != NULL);
	MG_ASSERT(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1);
	MG_ASSERT(EVP_DigestSign(ctx, out, &n, (const unsigned char *)message.p, message.n) == 1);
	MG_ASSERT(n == ED25519_SIGNATURE_SIZE);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

void ed25519_public(const uint8_t seed[ED25519_SEED_SIZE], uint8_t out[ED25519_PUBLIC_SIZE])
{
	size_t n = ED25519_PUBLIC_SIZE;
	EVP_PKEY *pkey = private_key(seed);
	MG_ASSERT(EVP_PKEY_get_raw_public_key(pkey, out, &n) == 1 && n == ED25519_PUBLIC_SIZE);
	EVP_PKEY_free(pkey);
}
