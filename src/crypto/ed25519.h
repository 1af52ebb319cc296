/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 (RFC 8032 §5.1) on libcrypto: pure, no context. Any thread. */
#ifndef CRYPTO_ED25519_H
#define CRYPTO_ED25519_H

#include "base/span.h"

#define ED25519_PUBLIC_SIZE    32
#define ED25519_SEED_SIZE      32
#define ED25519_SIGNATURE_SIZE 64

/* False too for a signature of another length and a key that is no point of the curve. */
bool ed25519_verify(const uint8_t key[ED25519_PUBLIC_SIZE], struct mg_span message,
		    struct mg_span signature);
/* The same seed and message give the same bytes. */
void ed25519_sign(const uint8_t seed[ED25519_SEED_SIZE], struct mg_span message,
		  uint8_t out[ED25519_SIGNATURE_SIZE]);
/* The public key of a seed. */
void ed25519_public(const uint8_t seed[ED25519_SEED_SIZE], uint8_t out[ED25519_PUBLIC_SIZE]);

#endif
