/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sha256.h"

#include <pthread.h>

#include <openssl/evp.h>

#include "base/check.h"

/* Fetched once: libcrypto 3 otherwise looks the algorithm up, under a lock, at each init. */
static EVP_MD *algorithm;
static pthread_once_t algorithm_once = PTHREAD_ONCE_INIT;

static void fetch_algorithm(void)
{
	algorithm = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	MG_ASSERT(algorithm != NULL);
}

void sha256_init(struct sha256 *h)
{
	pthread_once(&algorithm_once, fetch_algorithm);
	h->ctx = EVP_MD_CTX_new();
	MG_ASSERT(h->ctx != NULL);
	MG_ASSERT(EVP_DigestInit_ex2(h->ctx, algorithm, NULL) == 1);
}

void sha256_update(struct sha256 *h, struct mg_span bytes)
{
	MG_ASSERT(h->ctx != NULL);
	MG_ASSERT(EVP_DigestUpdate(h->ctx, bytes.p, bytes.n) == 1);
}

void sha256_final(struct sha256 *h, uint8_t out[SHA256_SIZE])
{
	MG_ASSERT(h->ctx != NULL);
	MG_ASSERT(EVP_DigestFinal_ex(h->ctx, out, NULL) == 1);
	sha256_deinit(h);
}

void sha256_deinit(struct sha256 *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

void sha256_peek(const struct sha256 *h, uint8_t out[SHA256_SIZE])
{
	MG_ASSERT(h->ctx != NULL);
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	MG_ASSERT(copy != NULL);
	MG_ASSERT(EVP_MD_CTX_copy_ex(copy, h->ctx) == 1);
	MG_ASSERT(EVP_DigestFinal_ex(copy, out, NULL) == 1);
	EVP_MD_CTX_free(copy);
}

void sha256_of(struct mg_span bytes, uint8_t out[SHA256_SIZE])
{
	struct sha256 h;
	sha256_init(&h);
	sha256_update(&h, bytes);
	sha256_final(&h, out);
}

void sha256_pairs(uint8_t prefix, const uint8_t *in, size_t pairs, uint8_t *out)
{
	struct sha256 h;
	uint8_t message[1 + 2 * SHA256_SIZE] = { prefix };
	sha256_init(&h);
	for (size_t i = 0; i < pairs; i++) {
		memcpy(message + 1, in + 2 * SHA256_SIZE * i, 2 * SHA256_SIZE);
		/* Started anew, not made anew: a context costs half as much as the digest. */
		if (i > 0) MG_ASSERT(EVP_DigestInit_ex2(h.ctx, NULL, NULL) == 1);
		MG_ASSERT(EVP_DigestUpdate(h.ctx, message, sizeof message) == 1);
		MG_ASSERT(EVP_DigestFinal_ex(h.ctx, out + SHA256_SIZE * i, NULL) == 1);
	}
	sha256_deinit(&h);
}
