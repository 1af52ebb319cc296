/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) on libcrypto. One context belongs to one thread at a time. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "base/span.h"

#define SHA256_SIZE 32

struct sha256 {
	void *ctx; /* EVP_MD_CTX; NULL before init and after final/deinit */
};

void sha256_init(struct sha256 *h);
void sha256_update(struct sha256 *h, struct mg_span bytes);
void sha256_final(struct sha256 *h, uint8_t out[SHA256_SIZE]); /* also deinits */
void sha256_deinit(struct sha256 *h);                          /* legal on a zeroed struct */
/* The state so far without disturbing it. */
void sha256_peek(const struct sha256 *h, uint8_t out[SHA256_SIZE]);
void sha256_of(struct mg_span bytes, uint8_t out[SHA256_SIZE]);
/* One level of a binary hash tree (RFC 6962 §2.1): digest i of out is that of the prefix byte and
 * digests 2i and 2i+1 of in. out may be in. */
void sha256_pairs(uint8_t prefix, const uint8_t *in, size_t pairs, uint8_t *out);

#endif
