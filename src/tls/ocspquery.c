/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/ocspquery.h"

#include <stdlib.h>

#include <openssl/ocsp.h>

#include "base/check.h"
#include "base/hex.h"
#include "tls/pair_internal.h"
#include "tls/staple_internal.h"

#define URL_MAX 4096

struct ocspquery {
	X509 *cert;
	STACK_OF(X509) * chain;
	char *url;
};

/* A GET's path is the request in base64, and that percent-encoded. */
static void put_request(struct mg_buf *url, struct mg_span der)
{
	struct mg_buf text = BUF_MAX(URL_MAX);

	hex_base64_encode(der, &text);
	for (size_t i = 0; i < text.n; i++) {
		const char c = text.p[i];
		if (c == '+' || c == '/' || c == '=')
			buf_printf(url, "%%%02X", (unsigned)c);
		else
			buf_append_char(url, c);
	}
	buf_deinit(&text);
}

static enum mg_code make_url(struct ocspquery *q, struct mg_span responder, struct mg_err *err)
{
	X509 *issuer = staple_issuer(q->cert, q->chain);
	struct mg_buf url = BUF_MAX(URL_MAX);
	unsigned char *der = NULL;
	int n = -1;

	if (issuer == NULL)
		return err_set(
			err, MG_INVALID, MG_CAUSE_TLS,
			"the issuer is missing behind the certificate, so no OCSP answer can be "
			"asked for");
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, q->cert, issuer);
	if (request != NULL && id != NULL && OCSP_request_add0_id(request, id) != NULL)
		n = i2d_OCSP_REQUEST(request, &der);
	else
		OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	buf_append(&url, responder);
	if (!span_has_suffix(responder, SPAN("/"))) buf_append_char(&url, '/');
	if (n > 0) put_request(&url, span_make(der, (size_t)n));
	OPENSSL_free(der);
	const bool ok = n > 0 && !buf_failed(&url);
	if (ok) q->url = check_strndup(url.p, url.n);
	buf_deinit(&url);
	return ok ? MG_OK : pair_complain(err, "no OCSP request can be made");
}

static bool is_web(struct mg_span url)
{
	return span_has_prefix(url, SPAN("http://")) || span_has_prefix(url, SPAN("https://"));
}

enum mg_code ocspquery_new(struct mg_span pem, struct ocspquery **out, struct mg_err *err)
{
	struct ocspquery *q = check_calloc(1, sizeof *q);
	enum mg_code rc = pair_certificates(pem, &q->chain, err);

	*out = NULL;
	if (rc == MG_OK) {
		q->cert = sk_X509_shift(q->chain);
		STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(q->cert);
		struct mg_span found = { 0 };
		for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && found.n == 0; i++)
			if (is_web(span_of(sk_OPENSSL_STRING_value(urls, i))))
				found = span_of(sk_OPENSSL_STRING_value(urls, i));
		if (found.n == 0)
			rc = err_set(err, MG_INVALID, MG_CAUSE_TLS,
				     "the certificate names no OCSP responder: there is nobody to "
				     "ask");
		else
			rc = make_url(q, found, err);
		X509_email_free(urls);
	}
	ERR_clear_error();
	if (rc == MG_OK)
		*out = q;
	else
		ocspquery_free(&q);
	return rc;
}

void ocspquery_free(struct ocspquery **qp)
{
	struct ocspquery *q = *qp;

	*qp = NULL;
	if (q == NULL) return;
	X509_free(q->cert);
	sk_X509_pop_free(q->chain, X509_free);
	free(q->url);
	free(q);
}

const char *ocspquery_url(const struct ocspquery *q)
{
	return q->url;
}

bool ocspquery_same(const struct ocspquery *a, const struct ocspquery *b)
{
	return X509_cmp(a->cert, b->cert) == 0 && strcmp(a->url, b->url) == 0;
}

bool ocspquery_must(const struct ocspquery *q)
{
	return staple_must(q->cert);
}

enum mg_code ocspquery_check(const struct ocspquery *q, struct mg_span der, int64_t now_s,
			     struct ocspquery_term *term, struct mg_err *err)
{
	enum mg_code rc =
		staple_check(der, q->cert, q->chain, now_s, &term->from, &term->until, err);

	ERR_clear_error();
	if (rc == MG_OK && term->until == INT64_MAX)
		rc = err_set(err, MG_INVALID, MG_CAUSE_TLS,
			     "the OCSP answer does not say until when it counts");
	return rc;
}
