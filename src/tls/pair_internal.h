/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate with its chain, its key and its stapled answer, parsed and checked. */
#ifndef TLS_PAIR_INTERNAL_H
#define TLS_PAIR_INTERNAL_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "tls/bundle.h"

struct pair {
	X509 *cert;
	STACK_OF(X509) * chain; /* those above it, without the root mostly */
	EVP_PKEY *key;
	int64_t not_before, not_after; /* wall seconds */
	bool must_staple;
	unsigned char *ocsp; /* NULL: none that may be used */
	size_t ocsp_n;
	int64_t ocsp_until;    /* when it says that the next one is due */
	struct mg_err refused; /* code: MG_OK, or why the OCSP answer is not used */
};

/* MG_INVALID: not a certificate, not a key, not a pair; the text names the file. An OCSP answer that is
 * not good is left out: none is better. now_s: wall clock. To be freed also on failure. */
MG_CHECK enum mg_code pair_load(const struct bundle_pair *from, int64_t now_s, struct pair *out,
				struct mg_err *err);
void pair_deinit(struct pair *p);
/* Certificates in PEM, any number but none. MG_INVALID, and the text names no file; the caller frees *out in any case. */
MG_CHECK enum mg_code pair_certificates(struct mg_span pem, STACK_OF(X509) * *out,
					struct mg_err *err);
/* MG_INVALID with what libssl last complained of on this thread; its queue is empty after. */
enum mg_code pair_complain(struct mg_err *err, const char *what);

#endif
