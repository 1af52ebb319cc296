/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of an authority that a certificate is not revoked (OCSP, RFC 6960), for stapling to
 * handshakes (RFC 6066 §8, RFC 8446 §4.4.2.1). */
#ifndef TLS_STAPLE_INTERNAL_H
#define TLS_STAPLE_INTERNAL_H

#include <openssl/ssl.h>

#include "base/err.h"

/* MG_OK: it is about cert, signed for its issuer (which must stand in chain), says "good", and counts at
 * now_s. *from: when that was so; *until: when the next one is due, INT64_MAX when it does not say. MG_DENIED: the same, but
 * it says "revoked". MG_INVALID otherwise. */
MG_CHECK enum mg_code staple_check(struct mg_span der, X509 *cert, STACK_OF(X509) * chain,
				   int64_t now_s, int64_t *from, int64_t *until,
				   struct mg_err *err);
/* The issuer of cert, if it stands in chain; else NULL. */
X509 *staple_issuer(X509 *cert, STACK_OF(X509) * chain);
/* Does cert demand that an answer is stapled: TLS feature status_request (RFC 7633 §4)? */
bool staple_must(X509 *cert);
/* A moment of a certificate or an answer as wall seconds; INT64_MAX when it is none. */
int64_t staple_time(const ASN1_TIME *t);

#endif
