/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SHA-256 (RFC 2104, FIPS 198-1), and comparing secrets. Any thread. */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/span.h"
#include "crypto/sha256.h"

void hmac_sha256(struct mg_span key, struct mg_span message, uint8_t out[SHA256_SIZE]);
/* Are they the same bytes? How long it takes tells nothing of where they differ, nor of how long b is. */
bool hmac_equal(struct mg_span a, struct mg_span b);

#endif
