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

#endif
