/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "record/metrics.h"
#include "tls/tlsconn.h"

/* --- certificates made up here --- */

struct identity {
	X509 *cert;
	EVP_PKEY *key;
	struct mg_buf cert_pem, key_pem;
};

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static void to_pem(struct identity *id)
{
	char *text;
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, id->cert);
	long n = BIO_get_mem_data(bio, &text);
	id->cert_pem = BUF_MAX(1u << 16);
	buf_append(&id->cert_pem, span_make(text, (size_t)n));
	BIO_free(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	id->key_pem = BUF_MAX(1u << 16);
	buf_append(&id->key_pem, span_make(text, (size_t)n));
	BIO_free(bio);
}

/* by NULL: an authority of its own. */
static struct identity make(const char *common_name, const char *names, const struct identity *by)
{
	static long serial = 1;
	struct identity id = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
	X509 *issuer = by != NULL ? by->cert : id.cert;

	X509_set_version(id.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), 86400);
	X509_set_pubkey(id.cert, id.key);
	X509_NAME *name = X509_get_subject_name(id.cert);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Example", -1,
				   -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
				   -1, -1, 0);
	X509_set_issuer_name(id.cert, X509_get_subject_name(issuer));
	if (by == NULL) add_extension(id.cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
	if (names != NULL) add_extension(id.cert, issuer, NID_subject_alt_name, names);
	assert_true(X509_sign(id.cert, by != NULL ? by->key : id.key, EVP_sha256()) > 0);
	to_pem(&id);
	return id;
}

static void unmake(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
	buf_deinit(&id->cert_pem);
	buf_deinit(&id->key_pem);
}

static struct identity authority, stranger, first, second, user, foreign_user;

static int make_all(void **state)
{
	authority = make("Authority", NULL, NULL);
	stranger = make("Stranger", NULL, NULL);
	first = make("first", "DNS:first.example,DNS:*.wild.example,IP:127.0.0.1", &authority);
	second = make("second", "DNS:second.example", &authority);
	user = make("builder-7", NULL, &authority);
	foreign_user = make("mallory", NULL, &stranger);
	return 0;
}

static int unmake_all(void **state)
{
	struct identity *const all[] = { &authority, &stranger, &first,
					 &second,    &user,     &foreign_user };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		unmake(all[i]);
	return 0;
}

/* --- one server, one client at a time --- */

struct fixture {
	struct ticketkeys *tickets;
	struct bundle bundle;
	struct tlsserver_options options;
	struct tlsserver *server;
	int ends[2];
	struct tlsconn *conn; /* on ends[0] */
	SSL_CTX *ctx;
	SSL *client; /* on ends[1] */
	SSL_SESSION *session;
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct fixture *f = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL_SESSION_free(f->session);
	f->session = session;
	return 1;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	f->tickets = ticketkeys_new(3600000);
	f->bundle = (struct bundle){ .n = 2,
				     .pairs = { { .name = SPAN("first.pem"),
						  .cert = buf_span(&first.cert_pem),
						  .key = buf_span(&first.key_pem) },
						{ .name = SPAN("second.pem"),
						  .cert = buf_span(&second.cert_pem),
						  .key = buf_span(&second.key_pem) } } };
	f->options = (struct tlsserver_options){ .tickets = f->tickets, .ticket_life_s = 3600 };
	f->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_app_data(f->ctx, f);
	SSL_CTX_set_session_cache_mode(f->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(f->ctx, keep_session);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(f->ctx), authority.cert);
	SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER, NULL);
	f->ends[0] = f->ends[1] = -1;
	*state = f;
	return 0;
}

static void serve(struct fixture *f)
{
	struct mg_err err;
	tlsserver_unref(&f->server);
	if (tlsserver_new(&f->bundle, &f->options, &f->server, &err) != MG_OK)
		fail_msg("%s", err.text);
}

static void hang_up(struct fixture *f)
{
	tlsconn_free(&f->conn);
	/* Or libssl would not resume what was not ended in order. */
	if (f->client != NULL) SSL_set_shutdown(f->client, SSL_SENT_SHUTDOWN);
	SSL_free(f->client);
	f->client = NULL;
	for (int i = 0; i < 2; i++)
		if (f->ends[i] >= 0) close(f->ends[i]);
	f->ends[0] = f->ends[1] = -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hang_up(f);
	SSL_SESSION_free(f->session);
	SSL_CTX_free(f->ctx);
	tlsserver_unref(&f->server);
	ticketkeys_free(&f->tickets);
	ERR_clear_error();
	test_free(f);
	return 0;
}

static void call(struct fixture *f, const char *name)
{
	hang_up(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->ends), 0);
	f->conn = tlsconn_new(f->server, f->ends[0]);
	f->client = SSL_new(f->ctx);
	SSL_set_fd(f->client, f->ends[1]);
	SSL_set_connect_state(f->client);
	if (name != NULL) SSL_set_tlsext_host_name(f->client, name);
	if (f->session != NULL) SSL_set_session(f->client, f->session);
}

/* Both sides, until the client is through (1), or one of them gives up (0). */
static bool shake(struct fixture *f)
{
	char buf[64];

	for (int i = 0; i < 200; i++) {
		int rc = SSL_do_handshake(f->client);
		if (rc != 1 && SSL_get_error(f->client, rc) != SSL_ERROR_WANT_READ) return false;
		ssize_t n = tlsconn_recv(f->conn, buf, sizeof buf);
		if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
		if (rc == 1 && tlsconn_open(f->conn)) return true;
	}
	return false;
}

/* One line there and back: also brings the tickets. */
static void talk(struct fixture *f)
{
	char buf[64];

	assert_int_equal(SSL_write(f->client, "ping", 4), 4);
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), 4);
	assert_memory_equal(buf, "ping", 4);
	assert_false(tlsconn_pending(f->conn));
	assert_int_equal(tlsconn_send(f->conn, SPAN("pong"), false), 4);
	assert_int_equal(SSL_read(f->client, buf, sizeof buf), 4);
	assert_memory_equal(buf, "pong", 4);
}

static const char *shown(struct fixture *f)
{
	static char name[64];
	X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(f->client)),
				  NID_commonName, name, sizeof name);
	return name;
}

/* --- tests --- */

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

static void much_through_a_narrow_socket(void **state)
{
	struct fixture *f = *state;
	const size_t n = 1u << 20;
	char *want = test_malloc(n), *got = test_malloc(n);
	const int small = 4096;
	size_t sent = 0, received = 0;
	bool full = false;

	serve(f);
	call(f, NULL);
	setsockopt(f->ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	assert_true(shake(f));
	for (size_t i = 0; i < n; i++)
		want[i] = (char)(i * 7 + i / 997);
	while (received < n) {
		/* From another place each time, as after a buffer has moved. */
		char *copy = test_malloc(n - sent + 1);
		memcpy(copy, want + sent, n - sent);
		ssize_t k = sent < n ? tlsconn_send(f->conn, span_make(copy, n - sent), false) : 0;
		full = full || (k < 0 && errno == EAGAIN);
		assert_true(k >= 0 || errno == EAGAIN);
		if (k > 0) sent += (size_t)k;
		test_free(copy);
		int r = SSL_read(f->client, got + received, (int)(n - received));
		if (r > 0) received += (size_t)r;
	}
	assert_true(full);
	assert_memory_equal(got, want, n);
	test_free(want);
	test_free(got);
}

static void much_in_one_turn_is_read_in_several(void **state)
{
	static char chunk[16000], buf[16u << 10];
	struct fixture *f = *state;
	const int large = 1u << 20;
	size_t sent = 0, got = 0;
	bool pending = false;

	serve(f);
	call(f, NULL);
	setsockopt(f->ends[1], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
	assert_true(shake(f));
	while (SSL_write(f->client, chunk, sizeof chunk) == (int)sizeof chunk)
		sent += sizeof chunk;
	assert_true(sent > sizeof buf);
	for (;;) {
		ssize_t n = tlsconn_recv(f->conn, buf, sizeof buf);
		pending = tlsconn_pending(f->conn);
		if (n < 0) break;
		got += (size_t)n;
		/* What came short without a mark is all there was. */
		if ((size_t)n < sizeof buf && !pending) break;
	}
	assert_true(got >= sent);
	assert_false(pending);
}

static void ends_are_told_apart(void **state)
{
	struct fixture *f = *state;
	char buf[16];

	serve(f);
	/* The client says that it ends. */
	call(f, NULL);
	assert_true(shake(f));
	SSL_write(f->client, "last", 4);
	SSL_shutdown(f->client);
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), 4);
	if (!tlsconn_pending(f->conn)) fail_msg("the end would not be noticed");
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), 0);
	/* It is cut. */
	call(f, NULL);
	assert_true(shake(f));
	shutdown(f->ends[1], SHUT_WR);
	tlsconn_hangup(f->conn);
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(tlsconn_send(f->conn, SPAN("x"), false), -1);
	/* We say it; what comes after is thrown away unseen. */
	call(f, NULL);
	assert_true(shake(f));
	tlsconn_finish(f->conn);
	tlsconn_finish(f->conn);
	assert_int_equal(SSL_read(f->client, buf, sizeof buf), 0);
	assert_int_equal(SSL_get_error(f->client, 0), SSL_ERROR_ZERO_RETURN);
	assert_int_equal(write(f->ends[1], "garbage", 7), 7);
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), 7);
	assert_int_equal(tlsconn_send(f->conn, SPAN("x"), false), -1);
	/* Free without a word: the client notices that something is missing. */
	call(f, NULL);
	assert_true(shake(f));
	tlsconn_free(&f->conn);
	shutdown(f->ends[0], SHUT_RDWR);
	int rc = SSL_read(f->client, buf, sizeof buf);
	assert_int_not_equal(SSL_get_error(f->client, rc), SSL_ERROR_ZERO_RETURN);
}

static void garbage_is_answered_by_an_alert(void **state)
{
	static const char *const cases[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"\x16\x03\x01\x7f\xff much too long a record for a hello, and then some",
		"\x80\x2e\x01\x00\x02 a hello of twenty years ago ...............",
		"\x17\x03\x03\x00\x05hello",
	};
	struct fixture *f = *state;
	char buf[64];

	serve(f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = i == 0 ? strlen(cases[i]) : 48;
		char bytes[64] = { 0 };
		memcpy(bytes, cases[i], i == 0 ? n : 5);
		call(f, NULL);
		assert_int_equal(write(f->ends[1], bytes, n), n);
		assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), -1);
		if (errno != EPROTO) fail_msg("case %zu: %s", i, strerror(errno));
		assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), -1);
		assert_int_equal(tlsconn_send(f->conn, SPAN("x"), false), -1);
		tlsconn_finish(f->conn);
	}
	/* A record that was changed on its way. */
	call(f, NULL);
	assert_true(shake(f));
	assert_int_equal(write(f->ends[1],
			       "\x17\x03\x03\x00\x20"
			       "0123456789abcdef0123456789abcdef",
			       37),
			 37);
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), -1);
	assert_int_equal(errno, EPROTO);
}

static void handshake_in_single_bytes(void **state)
{
	struct fixture *f = *state;
	char hello[4096], buf[64];

	serve(f);
	call(f, "second.example");
	SSL_do_handshake(f->client);
	ssize_t n = read(f->ends[0], hello, sizeof hello);
	assert_true(n > 100);
	for (ssize_t i = 0; i < n; i++) {
		assert_int_equal(send(f->ends[1], hello + i, 1, 0), 1);
		assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), -1);
		assert_int_equal(errno, EAGAIN);
		assert_false(tlsconn_pending(f->conn));
	}
	assert_true(shake(f));
	assert_string_equal(shown(f), "second");
}

static void nothing_begins_before_a_whole_first_message(void **state)
{
	struct fixture *f = *state;
	char hello[4096], buf[64];

	serve(f);
	call(f, "second.example");
	SSL_do_handshake(f->client);
	ssize_t n = read(f->ends[0], hello, sizeof hello);
	assert_true(n > 100);
	/* First in the middle of the record's head, at last a single byte. */
	for (ssize_t at = 0, part = 3; at < n; at += part, part = at + 50 < n ? 50 : 1) {
		assert_true(tlsconn_too_early(f->conn));
		assert_int_equal(send(f->ends[1], hello + at, (size_t)part, 0), part);
	}
	assert_false(tlsconn_too_early(f->conn));
	assert_true(shake(f));
	assert_false(tlsconn_too_early(f->conn));
	assert_string_equal(shown(f), "second");

	/* In vain: not TLS, longer than any record, and what ends first. */
	static const char *const vain[] = { "GET ", "\x16\x03\x01\x7f\xff" };
	for (size_t i = 0; i < 2; i++) {
		call(f, NULL);
		assert_true(tlsconn_too_early(f->conn));
		assert_int_equal(write(f->ends[1], vain[i], strlen(vain[i])), strlen(vain[i]));
		assert_false(tlsconn_too_early(f->conn));
	}
	call(f, NULL);
	assert_int_equal(write(f->ends[1], hello, 5), 5);
	assert_true(tlsconn_too_early(f->conn));
	tlsconn_hangup(f->conn);
	assert_false(tlsconn_too_early(f->conn));
	call(f, NULL);
	close(f->ends[1]);
	f->ends[1] = -1;
	assert_false(tlsconn_too_early(f->conn));
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void key_updates_are_counted(void **state)
{
	struct fixture *f = *state;
	ssize_t n = 0;
	char buf[64];
	int updates = 0;

	serve(f);
	call(f, NULL);
	assert_true(shake(f));
	SSL_key_update(f->client, SSL_KEY_UPDATE_REQUESTED);
	talk(f);
	for (; updates < 1000 && (n >= 0 || errno == EAGAIN); updates++) {
		SSL_key_update(f->client, SSL_KEY_UPDATE_NOT_REQUESTED);
		SSL_do_handshake(f->client);
		n = tlsconn_recv(f->conn, buf, sizeof buf);
	}
	assert_true(updates < 100);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(metrics_sum(METRICS_TLS_FLOODS), 1);
}

static void bad_pairs_are_refused(void **state)
{
	struct fixture *f = *state;
	struct tlsserver *sv = NULL;
	struct mg_err err;
	struct bundle_pair *p = &f->bundle.pairs[1];
	const struct bundle_pair good = *p;
	struct mg_buf both = BUF_MAX(1u << 16);

#define REFUSED(want)                                                                              \
	do {                                                                                       \
		assert_int_equal(tlsserver_new(&f->bundle, &f->options, &sv, &err), MG_INVALID);   \
		if (strstr(err.text, "second.pem: " want) == NULL) fail_msg("%s", err.text);       \
		assert_int_equal(ERR_peek_error(), 0);                                             \
		*p = good;                                                                         \
	} while (0)
	p->key = buf_span(&first.key_pem);
	REFUSED("the key does not belong to the certificate");
	p->key = SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE "
		      "KEY-----\n");
	REFUSED("the key is encrypted");
	p->key = SPAN("nothing");
	REFUSED("not a private key in PEM");
	p->cert = SPAN("");
	REFUSED("there is no certificate");
	p->cert = span_first(good.cert, good.cert.n / 2);
	REFUSED("not certificates in PEM");
	buf_append(&both, good.cert);
	buf_append(&both, buf_span(&stranger.cert_pem));
	p->cert = buf_span(&both);
	REFUSED("the second certificate did not issue the first");
	f->bundle.client_ca = SPAN("nothing");
	assert_int_equal(tlsserver_new(&f->bundle, &f->options, &sv, &err), MG_INVALID);
	assert_non_null(strstr(err.text, "client certificates' authorities"));
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
		WITH(much_through_a_narrow_socket),
		WITH(much_in_one_turn_is_read_in_several),
		WITH(ends_are_told_apart),
		WITH(garbage_is_answered_by_an_alert),
		WITH(handshake_in_single_bytes),
		WITH(nothing_begins_before_a_whole_first_message),
		WITH(key_updates_are_counted),
		WITH(bad_pairs_are_refused),
	};

	return cmocka_run_group_tests_name("tlsconn", tests, make_all, unmake_all);
}
