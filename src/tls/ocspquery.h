/* SPDX-License-Identifier: Apache-2.0 */
/* What to ask a certificate's authority so that its answer can be stapled (OCSP, RFC 6960), and whether what it
 * answered will do. Any thread, one at a time for one query. */
#ifndef TLS_OCSPQUERY_H
#define TLS_OCSPQUERY_H

#include "base/err.h"

/* Longer answers than any authority gives. */
#define OCSPQUERY_ANSWER_MAX (64u << 10)

struct ocspquery;

/* About the first certificate in PEM; its issuer must stand behind it. MG_INVALID: no certificate, no issuer, or it
 * names no responder that can be asked by http or https. */
MG_CHECK enum mg_code ocspquery_new(struct mg_span pem, struct ocspquery **out, struct mg_err *err);
void ocspquery_free(struct ocspquery **q);
/* The whole URL of a GET (RFC 6960 §A.1), the same each time: without a nonce, for caches (RFC 5019 §5). */
const char *ocspquery_url(const struct ocspquery *q);
/* Do they ask about the same certificate in the same way? */
bool ocspquery_same(const struct ocspquery *a, const struct ocspquery *b);
/* Does the certificate demand that an answer is stapled (RFC 7633)? */
bool ocspquery_must(const struct ocspquery *q);

/* When an answer was true, and when the next one is due; wall seconds. */
struct ocspquery_term {
	int64_t from, until;
};
/* MG_OK: signed for the issuer, says "good", counts at now_s and says until when. MG_DENIED: the certificate is revoked, and
 * *term is set. MG_INVALID: anything else. */
MG_CHECK enum mg_code ocspquery_check(const struct ocspquery *q, struct mg_span der, int64_t now_s,
				      struct ocspquery_term *term, struct mg_err *err);

#endif
