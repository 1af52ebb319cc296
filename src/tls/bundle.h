/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, keys and what belongs to them, as bytes: so the supervisor, which may read the files,
 * hands them to the front, which may not. Any thread. */
#ifndef TLS_BUNDLE_H
#define TLS_BUNDLE_H

#include "base/buf.h"
#include "base/err.h"

#define BUNDLE_PAIRS_MAX 64
#define BUNDLE_BYTES_MAX (8u << 20)

struct bundle_pair {
	struct mg_span name;     /* of the certificate's file, for people */
	struct mg_span cert;     /* PEM: the certificate, then those above it */
	struct mg_span key_name; /* of the key's file */
	struct mg_span key;      /* PEM */
	struct mg_span ocsp;     /* DER (RFC 6960 §4.2); empty: none */
};

/* All spans are somebody else's bytes. */
struct bundle {
	struct bundle_pair pairs[BUNDLE_PAIRS_MAX];
	size_t n;
	struct mg_span client_ca_name;
	struct mg_span client_ca; /* PEM; empty: client certificates are not asked for */
	bool client_cert_required;
};

/* The buffer holds keys: wipe it. Failed when the whole is larger than its maximum. */
void bundle_encode(const struct bundle *b, struct mg_buf *out);
/* The whole of a memfd with one: in one block, for growing would leave copies of a key behind. */
MG_CHECK enum mg_code bundle_read(int fd, struct mg_buf *out, struct mg_err *err);
/* MG_INVALID on anything that bundle_encode does not write. */
MG_CHECK enum mg_code bundle_decode(struct mg_span bytes, struct bundle *out, struct mg_err *err);

#endif
