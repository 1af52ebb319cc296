/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/hex.h"
#include "tls/ocspquery.h"

#define NOW 1800000000

struct identity {
	X509 *cert;
	EVP_PKEY *key;
};

static struct identity authority, stranger, leaf, strict, silent, odd;

static void add(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

/* by NULL: an authority. responder NULL: none. */
static struct identity make(const char *name, const struct identity *by, const char *responder,
			    bool must)
{
	static long serial = 1;
	struct identity id = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
	const struct identity *signer = by != NULL ? by : &id;

	X509_set_version(id.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(id.cert, X509_get_subject_name(signer->cert));
	ASN1_TIME_set(X509_getm_notBefore(id.cert), NOW - 86400);
	ASN1_TIME_set(X509_getm_notAfter(id.cert), NOW + 864000);
	X509_set_pubkey(id.cert, id.key);
	if (by == NULL) add(id.cert, id.cert, NID_basic_constraints, "critical,CA:TRUE");
	if (responder != NULL) add(id.cert, signer->cert, NID_info_access, responder);
	if (must) add(id.cert, signer->cert, NID_tlsfeature, "status_request");
	assert_true(X509_sign(id.cert, signer->key, EVP_sha256()) > 0);
	return id;
}

static void unmake(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

static int make_all(void **state)
{
	authority = make("Authority", NULL, NULL, false);
	stranger = make("Stranger", NULL, NULL, false);
	leaf = make("leaf", &authority,
		    "OCSP;URI:ldap://ldap.example/x,OCSP;URI:http://ocsp.example/", false);
	strict = make("strict", &authority, "OCSP;URI:https://ocsp.example/a", true);
	silent = make("silent", &authority, NULL, false);
	odd = make("odd", &authority, "OCSP;URI:file:///etc/passwd", false);
	return 0;
}

static int unmake_all(void **state)
{
	struct identity *all[] = { &authority, &stranger, &leaf, &strict, &silent, &odd };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		unmake(all[i]);
	return 0;
}

static struct mg_buf pem_of(const struct identity *a, const struct identity *b)
{
	struct mg_buf out = BUF_MAX(1u << 16);
	const struct identity *both[] = { a, b };

	for (size_t i = 0; i < 2 && both[i] != NULL; i++) {
		char *text;
		BIO *bio = BIO_new(BIO_s_mem());
		PEM_write_bio_X509(bio, both[i]->cert);
		const long n = BIO_get_mem_data(bio, &text);
		buf_append(&out, span_make(text, (size_t)n));
		BIO_free(bio);
	}
	return out;
}

static struct ocspquery *query_of(const struct identity *id)
{
	struct mg_buf pem = pem_of(id, &authority);
	struct ocspquery *q;
	struct mg_err err;

	if (ocspquery_new(buf_span(&pem), &q, &err) != MG_OK) fail_msg("%s", err.text);
	buf_deinit(&pem);
	return q;
}

/* What the authority says in DER; the caller frees it. until 0: it does not say. */
static struct mg_buf say(const struct identity *by, const struct identity *about, int status,
			 int64_t from, int64_t until, unsigned long how)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	ASN1_TIME *this = ASN1_TIME_set(NULL, from), *next = NULL, *when = NULL;
	struct mg_buf out = BUF_MAX(1u << 16);
	unsigned char *der = NULL;

	if (until != 0) next = ASN1_TIME_set(NULL, until);
	if (status == V_OCSP_CERTSTATUS_REVOKED) when = ASN1_TIME_set(NULL, from);
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, about->cert, authority.cert);
	OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, when, this,
			       next);
	assert_int_equal(OCSP_basic_sign(basic, by->cert, by->key, EVP_sha256(), NULL, how), 1);
	OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	const int n = i2d_OCSP_RESPONSE(response, &der);
	buf_append(&out, span_make(der, (size_t)n));
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	ASN1_TIME_free(when);
	return out;
}

/* --- tests --- */

static void asks_for_the_first_certificate(void **state)
{
	struct ocspquery *q = query_of(&leaf), *again = query_of(&leaf), *other = query_of(&strict);
	struct mg_buf text = BUF_MAX(4096), der = BUF_MAX(4096);
	const char *prefix = "http://ocsp.example/", *at = ocspquery_url(q);

	assert_int_equal(strncmp(at, prefix, strlen(prefix)), 0);
	for (at += strlen(prefix); *at != '\0'; at++) {
		assert_true(*at != '/' && *at != '+' && *at != '=');
		if (*at != '%') {
			buf_append_char(&text, *at);
			continue;
		}
		buf_append_char(&text, at[2] == 'B' ? '+' : at[2] == 'F' ? '/' : '=');
		at += 2;
	}
	assert_true(hex_base64_decode(buf_span(&text), &der));
	const unsigned char *p = (const unsigned char *)der.p;
	OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &p, (long)der.n);
	assert_non_null(request);
	assert_int_equal(OCSP_request_onereq_count(request), 1);
	OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0));
	OCSP_CERTID *wanted = OCSP_cert_to_id(NULL, leaf.cert, authority.cert);
	assert_int_equal(OCSP_id_cmp(id, wanted), 0);
	OCSP_CERTID_free(wanted);
	OCSP_REQUEST_free(request);

	assert_int_equal(strncmp(ocspquery_url(other), "https://ocsp.example/a/M", 24), 0);
	assert_true(ocspquery_same(q, again));
	assert_false(ocspquery_same(q, other));
	assert_true(ocspquery_must(other));
	assert_false(ocspquery_must(q));
	buf_deinit(&text);
	buf_deinit(&der);
	ocspquery_free(&q);
	ocspquery_free(&again);
	ocspquery_free(&other);
}

static void who_cannot_be_asked(void **state)
{
	const struct {
		const struct identity *cert, *issuer;
		const char *why;
	} cases[] = {
		{ &silent, &authority, "names no OCSP responder" },
		{ &odd, &authority, "names no OCSP responder" },
		{ &leaf, NULL, "the issuer is missing" },
		{ &leaf, &stranger, "the issuer is missing" },
	};
	struct ocspquery *q;
	struct mg_err err;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf pem = pem_of(cases[i].cert, cases[i].issuer);
		assert_int_equal(ocspquery_new(buf_span(&pem), &q, &err), MG_INVALID);
		if (strstr(err.text, cases[i].why) == NULL) fail_msg("%s", err.text);
		assert_null(q);
		buf_deinit(&pem);
	}
	assert_int_equal(ocspquery_new(SPAN("nothing"), &q, &err), MG_INVALID);
	assert_int_equal(ERR_peek_error(), 0);
}

static void what_will_do(void **state)
{
	const struct {
		const struct identity *by, *about;
		int status;
		int64_t from, until;
		enum mg_code code;
		const char *why;
	} cases[] = {
		{ &authority, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW - 10, NOW + 10, MG_OK, "" },
		{ &authority, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW + 200, NOW + 900, MG_OK, "" },
		{ &authority, &leaf, V_OCSP_CERTSTATUS_REVOKED, NOW - 10, NOW + 10, MG_DENIED,
		  "revoked" },
		{ &stranger, &leaf, V_OCSP_CERTSTATUS_REVOKED, NOW - 10, NOW + 10, MG_INVALID,
		  "not signed by the issuer" },
		{ &authority, &leaf, V_OCSP_CERTSTATUS_REVOKED, NOW - 20, NOW - 10, MG_INVALID,
		  "out of date" },
		{ &authority, &leaf, V_OCSP_CERTSTATUS_UNKNOWN, NOW - 10, NOW + 10, MG_INVALID,
		  "unknown" },
		{ &authority, &strict, V_OCSP_CERTSTATUS_GOOD, NOW - 10, NOW + 10, MG_INVALID,
		  "about another certificate" },
		{ &stranger, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW - 10, NOW + 10, MG_INVALID,
		  "not signed by the issuer" },
		{ &leaf, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW - 10, NOW + 10, MG_INVALID,
		  "not signed by the issuer" },
		{ &authority, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW - 10, NOW, MG_INVALID,
		  "out of date" },
		{ &authority, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW + 400, NOW + 900, MG_INVALID,
		  "from the future" },
		{ &authority, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW - 10, 0, MG_INVALID,
		  "until when" },
	};
	struct ocspquery *q = query_of(&leaf);
	struct ocspquery_term term;
	struct mg_err err;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf der = say(cases[i].by, cases[i].about, cases[i].status, cases[i].from,
					cases[i].until, 0);
		err.text[0] = '\0';
		const enum mg_code rc = ocspquery_check(q, buf_span(&der), NOW, &term, &err);
		if (rc != cases[i].code || (rc != MG_OK && strstr(err.text, cases[i].why) == NULL))
			fail_msg("case %zu: %d %s", i, rc, err.text);
		if (rc == MG_OK || rc == MG_DENIED) {
			assert_int_equal(term.from, cases[i].from);
			assert_int_equal(term.until, cases[i].until);
		}
		assert_int_equal(ERR_peek_error(), 0);
		/* Nor does anything shorter or longer. */
		buf_append_char(&der, 'x');
		assert_int_equal(ocspquery_check(q, buf_span(&der), NOW, &term, &err), MG_INVALID);
		for (size_t n = 0; n + 1 < der.n; n += 7)
			assert_int_equal(
				ocspquery_check(q, span_first(buf_span(&der), n), NOW, &term, &err),
				MG_INVALID);
		buf_deinit(&der);
	}
	/* Without the signer's certificate in it, as most come. */
	struct mg_buf der =
		say(&authority, &leaf, V_OCSP_CERTSTATUS_GOOD, NOW - 10, NOW + 10, OCSP_NOCERTS);
	if (ocspquery_check(q, buf_span(&der), NOW, &term, &err) != MG_OK) fail_msg("%s", err.text);
	buf_deinit(&der);
	ocspquery_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_for_the_first_certificate),
		cmocka_unit_test(who_cannot_be_asked),
		cmocka_unit_test(what_will_do),
	};

	return cmocka_run_group_tests_name("ocspquery", tests, make_all, unmake_all);
}
