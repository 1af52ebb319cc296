/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/pair_internal.h"

#include "tls/staple_internal.h"

enum mg_code pair_complain(struct mg_err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	err_set(err, MG_INVALID, MG_CAUSE_TLS, "%s%s%s", what, reason != NULL ? ": " : "",
		reason != NULL ? reason : "");
	ERR_clear_error();
	return MG_INVALID;
}

/* The end of the input is told as an error of its own. */
static bool at_end(void)
{
	unsigned long e = ERR_peek_last_error();

	if (ERR_GET_LIB(e) != ERR_LIB_PEM || ERR_GET_REASON(e) != PEM_R_NO_START_LINE) return false;
	ERR_clear_error();
	return true;
}

enum mg_code pair_certificates(struct mg_span pem, STACK_OF(X509) * *out, struct mg_err *err)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	enum mg_code rc = MG_OK;
	X509 *x;

	*out = sk_X509_new_null();
	while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
		sk_X509_push(*out, x);
	if (!at_end())
		rc = pair_complain(err, "not certificates in PEM");
	else if (sk_X509_num(*out) == 0)
		rc = err_set(err, MG_INVALID, MG_CAUSE_TLS, "there is no certificate in PEM in it");
	BIO_free(in);
	return rc;
}

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static enum mg_code load_key(struct mg_span pem, EVP_PKEY **out, struct mg_err *err)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);

	*out = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
	BIO_free(in);
	if (*out != NULL) return MG_OK;
	if (span_find(pem, SPAN("ENCRYPTED")) >= 0) {
		ERR_clear_error();
		return err_set(err, MG_INVALID, MG_CAUSE_TLS,
			       "the key is encrypted, and nobody is there to type its passphrase: "
			       "decrypt it (openssl pkey -in FILE -out NEWFILE)");
	}
	return pair_complain(err, "not a private key in PEM");
}

static enum mg_code load_certificate(struct mg_span pem, struct pair *out, struct mg_err *err)
{
	enum mg_code rc = pair_certificates(pem, &out->chain, err);

	if (rc != MG_OK) return rc;
	out->cert = sk_X509_shift(out->chain);
	out->not_before = staple_time(X509_get0_notBefore(out->cert));
	out->not_after = staple_time(X509_get0_notAfter(out->cert));
	if (sk_X509_num(out->chain) > 0 &&
	    X509_check_issued(sk_X509_value(out->chain, 0), out->cert) != X509_V_OK)
		return err_set(err, MG_INVALID, MG_CAUSE_TLS,
			       "the second certificate did not issue the first: the server's own "
			       "comes first, then each one's issuer");
	return MG_OK;
}

enum mg_code pair_load(const struct bundle_pair *from, int64_t now_s, struct pair *out,
		       struct mg_err *err)
{
	int64_t since;
	enum mg_code rc;

	*out = (struct pair){ 0 };
	rc = load_certificate(from->cert, out, err);
	if (rc != MG_OK) return err_wrap(err, "%.*s", SPAN_ARG(from->name));
	rc = load_key(from->key, &out->key, err);
	if (rc != MG_OK) return err_wrap(err, "%.*s", SPAN_ARG(from->key_name));
	if (X509_check_private_key(out->cert, out->key) != 1) {
		ERR_clear_error();
		return err_set(err, MG_INVALID, MG_CAUSE_TLS,
			       "%.*s: the key does not belong to the certificate %.*s: one of the "
			       "two is of another pair",
			       SPAN_ARG(from->key_name), SPAN_ARG(from->name));
	}
	out->must_staple = staple_must(out->cert);
	if (from->ocsp.n > 0 && staple_check(from->ocsp, out->cert, out->chain, now_s, &since,
					     &out->ocsp_until, &out->refused) == MG_OK) {
		out->ocsp = OPENSSL_memdup(from->ocsp.p, from->ocsp.n);
		out->ocsp_n = from->ocsp.n;
	}
	return MG_OK;
}

void pair_deinit(struct pair *p)
{
	X509_free(p->cert);
	sk_X509_pop_free(p->chain, X509_free);
	EVP_PKEY_free(p->key);
	OPENSSL_free(p->ocsp);
	*p = (struct pair){ 0 };
}
