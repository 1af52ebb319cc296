/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates made up here; one server, one client at a time. */
#ifndef TLS_TLSCONN_FIXTURE_H
#define TLS_TLSCONN_FIXTURE_H

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

static inline void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static inline void to_pem(struct identity *id)
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
static inline struct identity make(const char *common_name, const char *names,
				   const struct identity *by)
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

static inline void unmake(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
	buf_deinit(&id->cert_pem);
	buf_deinit(&id->key_pem);
}

static struct identity authority, stranger, first, second, user, foreign_user;

static inline int make_all(void **state)
{
	authority = make("Authority", NULL, NULL);
	stranger = make("Stranger", NULL, NULL);
	first = make("first", "DNS:first.example,DNS:*.wild.example,IP:127.0.0.1", &authority);
	second = make("second", "DNS:second.example", &authority);
	user = make("builder-7", NULL, &authority);
	foreign_user = make("mallory", NULL, &stranger);
	return 0;
}

static inline int unmake_all(void **state)
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

static inline int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct fixture *f = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL_SESSION_free(f->session);
	f->session = session;
	return 1;
}

static inline int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	f->tickets = ticketkeys_new(3600000);
	f->bundle = (struct bundle){ .n = 2,
				     .pairs = { { .name = SPAN("first.pem"),
						  .cert = buf_span(&first.cert_pem),
						  .key_name = SPAN("first.key"),
						  .key = buf_span(&first.key_pem) },
						{ .name = SPAN("second.pem"),
						  .cert = buf_span(&second.cert_pem),
						  .key_name = SPAN("second.key"),
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

static inline void serve(struct fixture *f)
{
	struct mg_err err;
	tlsserver_unref(&f->server);
	if (tlsserver_new(&f->bundle, &f->options, &f->server, &err) != MG_OK)
		fail_msg("%s", err.text);
}

static inline void hang_up(struct fixture *f)
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

static inline int teardown(void **state)
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

static inline void call(struct fixture *f, const char *name)
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
static inline bool shake(struct fixture *f)
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
static inline void talk(struct fixture *f)
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

#endif
