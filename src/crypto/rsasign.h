/* SPDX-License-Identifier: Apache-2.0 */
/* RSA signatures with SHA-256 (RS256: RFC 7518 §3.3, RFC 8017 §8.2), for tokens that forges want. Any thread. */
#ifndef CRYPTO_RSASIGN_H
#define CRYPTO_RSASIGN_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the signature of message. pem: a private key without a passphrase. MG_INVALID, saying why but
 * nothing of it, when it is no RSA key of 2,048 bits or more. */
MG_CHECK enum mg_code rsasign_sha256(struct mg_span pem, struct mg_span message, struct mg_buf *out,
				     struct mg_err *err);

#endif
