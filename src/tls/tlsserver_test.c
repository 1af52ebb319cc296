/* SPDX-License-Identifier: Apache-2.0 */
/* What a server agrees on: certificates by name, protocols, tickets, client certificates. */
#include <time.h>

#include "tls/tlsconn_fixture.h"

static void name_chooses_the_certificate(void **state)
{
	static const struct {
		const char *asked, *shown;
	} cases[] = {
		{ "first.example", "first" },    { "SECOND.example", "second" },
		{ "a.wild.example", "first" },   { "unknown.example", "first" },
		{ "x.second.example", "first" }, { NULL, "first" },
	};
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture *f = *state;

	serve(f);
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			call(f, cases[i].asked);
			SSL_set_min_proto_version(f->client, versions[v]);
			SSL_set_max_proto_version(f->client, versions[v]);
			assert_true(shake(f));
			assert_int_equal(SSL_version(f->client), versions[v]);
			assert_string_equal(shown(f), cases[i].shown);
			talk(f);
			SSL_SESSION_free(f->session);
			f->session = NULL;
		}
}

static void what_is_weak_is_refused(void **state)
{
	static const char *const suites[] = {
		"ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA",
		"AES128-GCM-SHA256:AES256-GCM-SHA384",
		"DHE-RSA-AES128-GCM-SHA256",
	};
	struct fixture *f = *state;

	serve(f);
	call(f, NULL);
	SSL_set_security_level(f->client, 0);
	SSL_set_min_proto_version(f->client, TLS1_VERSION);
	SSL_set_max_proto_version(f->client, TLS1_1_VERSION);
	assert_false(shake(f));
	for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
		call(f, NULL);
		SSL_set_max_proto_version(f->client, TLS1_2_VERSION);
		assert_int_equal(SSL_set_cipher_list(f->client, suites[i]), 1);
		assert_false(shake(f));
	}
	/* Nor does a client begin anew in the middle. */
	call(f, NULL);
	SSL_set_max_proto_version(f->client, TLS1_2_VERSION);
	assert_true(shake(f));
	char buf[16];
	SSL_renegotiate(f->client);
	SSL_do_handshake(f->client);
	tlsconn_recv(f->conn, buf, sizeof buf);
	assert_int_not_equal(SSL_do_handshake(f->client), 1);
}

static void protocols_are_agreed_on(void **state)
{
	static const struct {
		bool h2;
		const char *offered;
		const char *chosen; /* NULL: no agreement */
	} cases[] = {
		{ false, "\x08http/1.1", "http/1.1" },
		{ false, "\x02h2\x08http/1.1", "http/1.1" },
		{ true, "\x08http/1.1\x02h2", "h2" },
		{ true, "\x08http/1.1", "http/1.1" },
		{ false, "\x02h2", NULL },
		{ true,
		  "\x0a"
		  "acme-tls/1",
		  NULL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const unsigned char *name;
		unsigned n;
		f->options.h2 = cases[i].h2;
		serve(f);
		call(f, NULL);
		SSL_set_alpn_protos(f->client, (const unsigned char *)cases[i].offered,
				    (unsigned)strlen(cases[i].offered));
		assert_int_equal(shake(f), cases[i].chosen != NULL);
		if (cases[i].chosen == NULL) continue;
		SSL_get0_alpn_selected(f->client, &name, &n);
		assert_true(span_eq(span_make(name, n), span_of(cases[i].chosen)));
		assert_int_equal(tlsconn_h2(f->conn), strcmp(cases[i].chosen, "h2") == 0);
	}
	call(f, NULL);
	assert_true(shake(f));
	assert_false(tlsconn_h2(f->conn));
}

static bool resumes(struct fixture *f, int version)
{
	call(f, "second.example");
	SSL_set_min_proto_version(f->client, version);
	SSL_set_max_proto_version(f->client, version);
	assert_true(shake(f));
	talk(f);
	return SSL_session_reused(f->client) == 1;
}

static void tickets_outlive_certificates_not_authorities(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture *f = *state;

	for (size_t v = 0; v < 2; v++) {
		SSL_SESSION_free(f->session);
		f->session = NULL;
		f->bundle.client_ca = (struct mg_span){ 0 };
		serve(f);
		assert_false(resumes(f, versions[v]));
		assert_non_null(f->session);
		assert_true(resumes(f, versions[v]));
		/* Another server of the same process, as after a reload. */
		serve(f);
		assert_true(resumes(f, versions[v]));
		/* The same keys under other authorities open nothing. */
		f->bundle.client_ca = buf_span(&stranger.cert_pem);
		serve(f);
		assert_false(resumes(f, versions[v]));
		assert_true(resumes(f, versions[v]));
		ticketkeys_forget(f->tickets);
		assert_false(resumes(f, versions[v]));
	}
	f->options.tickets = NULL;
	serve(f);
	assert_false(resumes(f, TLS1_3_VERSION));
	assert_false(resumes(f, TLS1_2_VERSION));
}

static void policies_are_compared(void **state)
{
	struct fixture *f = *state;
	struct tlsserver *before;

	f->bundle.client_ca = buf_span(&authority.cert_pem);
	serve(f);
	before = f->server;
	f->server = NULL;
	f->bundle.n = 1;
	serve(f);
	assert_true(tlsserver_same_policy(before, f->server));
	f->bundle.client_cert_required = true;
	serve(f);
	assert_false(tlsserver_same_policy(before, f->server));
	tlsserver_unref(&before);
}

static void client_certificates(void **state)
{
	static const struct {
		const struct identity *who;
		bool required;
		const char *subject; /* NULL: refused */
	} cases[] = {
		{ NULL, false, "" },
		{ &user, false, "CN=builder-7,O=Example" },
		{ &foreign_user, false, NULL },
		{ NULL, true, NULL },
		{ &user, true, "CN=builder-7,O=Example" },
	};
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture *f = *state;
	char subject[64];

	f->bundle.client_ca = buf_span(&authority.cert_pem);
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			f->bundle.client_cert_required = cases[i].required;
			SSL_SESSION_free(f->session);
			f->session = NULL;
			serve(f);
			call(f, NULL);
			SSL_set_min_proto_version(f->client, versions[v]);
			SSL_set_max_proto_version(f->client, versions[v]);
			if (cases[i].who != NULL) {
				SSL_use_certificate(f->client, cases[i].who->cert);
				SSL_use_PrivateKey(f->client, cases[i].who->key);
			}
			assert_int_equal(tlsconn_subject(f->conn, subject, sizeof subject), 0);
			assert_int_equal(shake(f), cases[i].subject != NULL);
			size_t n = tlsconn_subject(f->conn, subject, sizeof subject);
			assert_string_equal(subject, cases[i].subject ? cases[i].subject : "");
			assert_int_equal(n, strlen(subject));
			if (n == 0) continue;
			assert_int_equal(tlsconn_subject(f->conn, subject, 10), 9);
			assert_string_equal(subject, "CN=builde");
			/* Who resumes is who it was. */
			talk(f);
			call(f, NULL);
			SSL_set_max_proto_version(f->client, versions[v]);
			assert_true(shake(f));
			assert_true(SSL_session_reused(f->client));
			assert_int_equal(tlsconn_subject(f->conn, subject, sizeof subject), n);
		}
}

/* As long as it takes to shake hands and to resume once, on a busy machine too. */
static void shake_with_brief(struct fixture *f, struct identity *brief, int version)
{
	time_t until = 0;

	for (long life_s = 2; until <= time(NULL) || SSL_session_reused(f->client) != 1;
	     life_s *= 2) {
		unmake(brief);
		*brief = make("brief", NULL, &authority);
		until = time(NULL) + life_s;
		X509_time_adj_ex(X509_getm_notAfter(brief->cert), 0, life_s, NULL);
		assert_true(X509_sign(brief->cert, authority.key, EVP_sha256()) > 0);
		SSL_SESSION_free(f->session);
		f->session = NULL;
		assert_int_equal(SSL_CTX_use_certificate(f->ctx, brief->cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(f->ctx, brief->key), 1);
		for (int i = 0; i < 2; i++) {
			call(f, NULL);
			SSL_set_min_proto_version(f->client, version);
			SSL_set_max_proto_version(f->client, version);
			if (!shake(f)) break; /* it is over already */
			talk(f);
		}
	}
	while (time(NULL) <= until)
		usleep(10000);
}

/* Each ticket of 1.3 brings another: without an end a builder whose certificate is not renewed would stay one. */
static void nobody_resumes_beyond_the_end_of_a_certificate(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture *f = *state;
	struct identity brief = { 0 };
	char buf[64];

	f->bundle.client_ca = buf_span(&authority.cert_pem);
	f->bundle.client_cert_required = true;
	serve(f);
	for (size_t v = 0; v < 2; v++) {
		shake_with_brief(f, &brief, versions[v]);
		assert_non_null(f->session);
		call(f, NULL);
		SSL_set_max_proto_version(f->client, versions[v]);
		/* A client of 1.3 is through before it is refused. */
		bool in = shake(f) && tlsconn_open(f->conn);
		assert_false(in);
		assert_int_equal(tlsconn_subject(f->conn, buf, sizeof buf), 0);
		assert_int_equal(SSL_session_reused(f->client), 0);
	}
	unmake(&brief);
}

static void bad_pairs_are_refused(void **state)
{
	struct fixture *f = *state;
	struct tlsserver *sv = NULL;
	struct mg_err err;
	struct bundle_pair *p = &f->bundle.pairs[1];
	const struct bundle_pair good = *p;
	struct mg_buf both = BUF_MAX(1u << 16);

#define REFUSED(file, want)                                                                        \
	do {                                                                                       \
		assert_int_equal(tlsserver_new(&f->bundle, &f->options, &sv, &err), MG_INVALID);   \
		if (strstr(err.text, file ": " want) == NULL) fail_msg("%s", err.text);            \
		assert_int_equal(ERR_peek_error(), 0);                                             \
		*p = good;                                                                         \
	} while (0)
	p->key = buf_span(&first.key_pem);
	REFUSED("second.key", "the key does not belong to the certificate second.pem");
	p->key = SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
		      "KEY-----\n");
	REFUSED("second.key", "the key is encrypted");
	p->key = SPAN("nothing");
	REFUSED("second.key", "not a private key in PEM");
	p->cert = SPAN("");
	REFUSED("second.pem", "there is no certificate");
	p->cert = span_first(good.cert, good.cert.n / 2);
	REFUSED("second.pem", "not certificates in PEM");
	buf_append(&both, good.cert);
	buf_append(&both, buf_span(&stranger.cert_pem));
	p->cert = buf_span(&both);
	REFUSED("second.pem", "the second certificate did not issue the first");
	f->bundle.client_ca_name = SPAN("ca.pem");
	f->bundle.client_ca = SPAN("nothing");
	assert_int_equal(tlsserver_new(&f->bundle, &f->options, &sv, &err), MG_INVALID);
	assert_non_null(strstr(err.text, "ca.pem: client certificates' authorities"));
	f->bundle.client_ca = (struct mg_span){ 0 };

	/* What cannot be stapled is left out, and told. */
	struct tlsserver_pair about;
	p->ocsp = SPAN("nothing");
	serve(f);
	tlsserver_describe(f->server, 1, &about);
	assert_string_equal(about.name, "second.pem");
	assert_string_equal(about.names, "second.example");
	assert_int_equal(about.staple_until, 0);
	assert_non_null(strstr(about.staple_refused, "not an OCSP answer"));
	assert_int_equal(about.not_after - about.not_before, 86400 + 3600);
	buf_deinit(&both);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH(name_chooses_the_certificate),
		WITH(what_is_weak_is_refused),
		WITH(protocols_are_agreed_on),
		WITH(tickets_outlive_certificates_not_authorities),
		WITH(policies_are_compared),
		WITH(client_certificates),
		WITH(nobody_resumes_beyond_the_end_of_a_certificate),
		WITH(bad_pairs_are_refused),
	};

	return cmocka_run_group_tests_name("tlsconn", tests, make_all, unmake_all);
}
