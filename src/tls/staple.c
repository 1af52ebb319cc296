/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/staple_internal.h"

#include <time.h>

#include <openssl/ocsp.h>

#include "base/clock.h"
#include "tls/pair_internal.h"

/* Clocks of authorities run ahead of ours. */
#define STAPLE_SKEW_S 300

int64_t staple_time(const ASN1_TIME *t)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) return INT64_MAX;
	return clock_of_civil(&(struct clock_civil){ .year = tm.tm_year + 1900,
						     .month = (unsigned)tm.tm_mon + 1,
						     .day = (unsigned)tm.tm_mday,
						     .hour = (unsigned)tm.tm_hour,
						     .minute = (unsigned)tm.tm_min,
						     .second = (unsigned)tm.tm_sec });
}

X509 *staple_issuer(X509 *cert, STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (X509_check_issued(sk_X509_value(chain, i), cert) == X509_V_OK)
			return sk_X509_value(chain, i);
	return NULL;
}

bool staple_must(X509 *cert)
{
	TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, NULL, NULL);
	bool must = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
		    TLSEXT_TYPE_status_request)
			must = true;
	TLS_FEATURE_free(features);
	return must;
}

/* Signed by the issuer, or by one to whom the issuer gave that right. */
static bool signature_holds(OCSP_BASICRESP *basic, X509 *issuer, int64_t now_s)
{
	X509_STORE *trusted = X509_STORE_new();
	/* An issuer that signs itself mostly leaves its certificate out of the answer. */
	STACK_OF(X509) *known = sk_X509_new_null();
	bool ok = trusted != NULL && known != NULL && sk_X509_push(known, issuer) > 0 &&
		  X509_STORE_add_cert(trusted, issuer) == 1 &&
		  X509_STORE_set_flags(trusted, X509_V_FLAG_PARTIAL_CHAIN) == 1;

	if (ok) X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(trusted), now_s);
	ok = ok && OCSP_basic_verify(basic, known, trusted, 0) == 1;
	sk_X509_free(known);

	X509_STORE_free(trusted);
	return ok;
}

static enum mg_code check_single(OCSP_BASICRESP *basic, X509 *cert, X509 *issuer, int64_t now_s,
				 int64_t *from, int64_t *until, struct mg_err *err)
{
	ASN1_GENERALIZEDTIME *this = NULL, *next = NULL;
	int status = V_OCSP_CERTSTATUS_UNKNOWN;
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, cert, issuer);
	bool found = id != NULL &&
		     OCSP_resp_find_status(basic, id, &status, NULL, NULL, &this, &next) == 1;

	OCSP_CERTID_free(id);
	if (!found)
		return err_set(err, MG_INVALID, MG_CAUSE_TLS,
			       "the OCSP answer is about another certificate");
	if (!signature_holds(basic, issuer, now_s))
		return pair_complain(err, "the OCSP answer is not signed by the issuer");
	*from = staple_time(this);
	*until = staple_time(next);
	if (*from > now_s + STAPLE_SKEW_S)
		return err_set(err, MG_INVALID, MG_CAUSE_TLS,
			       "the OCSP answer is from the future: is the clock right?");
	if (*until <= now_s)
		return err_set(err, MG_INVALID, MG_CAUSE_TLS,
			       "the OCSP answer is out of date: get a new one");
	if (status == V_OCSP_CERTSTATUS_GOOD) return MG_OK;
	return err_set(err, status == V_OCSP_CERTSTATUS_REVOKED ? MG_DENIED : MG_INVALID,
		       MG_CAUSE_TLS, "the OCSP answer says \"%s\"", OCSP_cert_status_str(status));
}

enum mg_code staple_check(struct mg_span der, X509 *cert, STACK_OF(X509) * chain, int64_t now_s,
			  int64_t *from, int64_t *until, struct mg_err *err)
{
	const unsigned char *at = (const unsigned char *)der.p;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.n);
	X509 *issuer = staple_issuer(cert, chain);
	OCSP_BASICRESP *basic = NULL;
	enum mg_code rc = MG_OK;

	if (response == NULL || at != (const unsigned char *)der.p + der.n)
		rc = pair_complain(err, "not an OCSP answer in DER");
	else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		rc = err_set(err, MG_INVALID, MG_CAUSE_TLS, "the OCSP answer is a failure: %s",
			     OCSP_response_status_str(OCSP_response_status(response)));
	else if ((basic = OCSP_response_get1_basic(response)) == NULL)
		rc = pair_complain(err, "not an OCSP answer of the basic type");
	else if (issuer == NULL)
		rc = err_set(err, MG_INVALID, MG_CAUSE_TLS,
			     "the issuer is missing behind the certificate, so the OCSP answer "
			     "cannot be checked");
	else
		rc = check_single(basic, cert, issuer, now_s, from, until, err);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	return rc;
}
