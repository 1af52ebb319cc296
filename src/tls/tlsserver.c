/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tlsserver.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/clock.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "crypto/wipe.h"
#include "tls/pair_internal.h"
#include "tls/servername.h"
#include "tls/staple_internal.h"
#include "tls/tlsserver_internal.h"

/* Forward secrecy and authenticated encryption only; the cheaper AES first, where the client's machine has
 * no AES of its own ChaCha20 (SSL_OP_PRIORITIZE_CHACHA). */
#define SUITES_12                                                                                  \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
/* The first needs OpenSSL 3.5. */
#define GROUPS_HYBRID "X25519MLKEM768:X25519:P-256:P-384"
#define GROUPS        "X25519:P-256:P-384"

struct served {
	SSL_CTX *ctx;
	struct pair pair;
	char *name;
	char *names;
};

struct tlsserver {
	atomic_uint refs;
	struct served *served;
	size_t n;
	struct servername_table table;
	struct ticketkeys *tickets;
	bool h2;
	uint8_t policy[SHA256_SIZE];
};

/* --- what libssl asks while it greets --- */

/* Whose name it is decides the certificate; without a name, or with a foreign one, it is the first: old
 * clients, probes by address. */
static int on_name(SSL *ssl, int *alert, void *arg)
{
	struct tlsserver *sv = arg;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t owner;

	if (asked != NULL && servername_find(&sv->table, span_of(asked), &owner) && owner != 0)
		SSL_set_SSL_CTX(ssl, sv->served[owner].ctx);
	return SSL_TLSEXT_ERR_OK;
}

static int on_staple(SSL *ssl, void *arg)
{
	const struct served *s = arg;

	if (s->pair.ocsp == NULL || clock_wall_s() >= s->pair.ocsp_until)
		return SSL_TLSEXT_ERR_NOACK;
	unsigned char *copy = OPENSSL_memdup(s->pair.ocsp, s->pair.ocsp_n);
	if (copy == NULL) return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (int)s->pair.ocsp_n);
	return SSL_TLSEXT_ERR_OK;
}

/* RFC 7301 §3.2: nothing in common ends the handshake. */
static int on_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
		       const unsigned char *in, unsigned in_n, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	const struct tlsserver *sv = arg;
	const unsigned skip = sv->h2 ? 0 : 3;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_n, ours + skip, sizeof ours - 1 - skip, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool use_key(const struct ticketkeys_key *k, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
		    EVP_MAC_CTX *mac, bool seal)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)k->mac, sizeof k->mac),
		OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t) "SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1 &&
	       EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv, seal) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 0 is no such key, 1 good, 2 good and to be sealed anew. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int seal)
{
	struct tlsserver *sv = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticketkeys_key key;
	bool old = false;
	int rc;

	if (seal) {
		ticketkeys_seal(sv->tickets, clock_mono_ms(), &key);
		memcpy(name, key.name, sizeof key.name);
		random_bytes(iv, EVP_MAX_IV_LENGTH);
		rc = use_key(&key, iv, cipher, mac, true) ? 1 : -1;
	} else {
		if (!ticketkeys_open(sv->tickets, clock_mono_ms(), name, &key, &old)) return 0;
		/* RFC 8446 §C.4: a ticket of 1.3 is for one use, so each use brings another. */
		old = old || SSL_version(ssl) >= TLS1_3_VERSION;
		rc = !use_key(&key, iv, cipher, mac, false) ? -1 : old ? 2 : 1;
	}
	wipe_bytes(&key, sizeof key);
	return rc;
}

/* What a certificate vouched for when it was shown ends when it does: each ticket of 1.3 brings another, so their life
 * alone would not end it. The codes are those of SSL_CTX_set_session_ticket_cb(3). */
static SSL_TICKET_RETURN on_resumption(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
				       size_t name_n, SSL_TICKET_STATUS status, void *arg)
{
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	X509 *cert = SSL_SESSION_get0_peer(session);
	if (cert != NULL && staple_time(X509_get0_notAfter(cert)) <= clock_wall_s())
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* --- making one --- */

static bool set_protocol(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	/* Buffers only while bytes are in them: idle connections are many. A record may be taken in
	 * parts, and our buffers move between two tries. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* One recv takes what is there, instead of one for a record's head and one for its body. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_security_level(ctx, 2);
	bool ok = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		  SSL_CTX_set_max_proto_version(ctx, 0) == 1 &&
		  SSL_CTX_set_cipher_list(ctx, SUITES_12) == 1 &&
		  SSL_CTX_set_ciphersuites(ctx, SUITES_13) == 1 &&
		  (SSL_CTX_set1_groups_list(ctx, GROUPS_HYBRID) == 1 ||
		   SSL_CTX_set1_groups_list(ctx, GROUPS) == 1);
	ERR_clear_error();
	return ok;
}

static void set_resumption(SSL_CTX *ctx, const struct tlsserver_options *o)
{
	/* What was agreed is kept by the client alone, sealed: any loop can open it. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (o->tickets == NULL) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx, 0);
		return;
	}
	SSL_CTX_set_timeout(ctx, (long)o->ticket_life_s);
	/* Clients of ours keep the last one only; a second costs a seal and 250 bytes. */
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_session_ticket_cb(ctx, NULL, on_resumption, NULL);
}

static enum mg_code set_clients(struct tlsserver *sv, const struct bundle *b, struct mg_err *err)
{
	STACK_OF(X509) *trusted = NULL;
	X509_STORE *store = X509_STORE_new();
	enum mg_code rc = pair_certificates(b->client_ca, &trusted, err);

	for (int i = 0; rc == MG_OK && i < sk_X509_num(trusted); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(trusted, i)) != 1)
			rc = pair_complain(err, "cannot trust a certificate");
	for (size_t k = 0; rc == MG_OK && k < sv->n; k++) {
		SSL_CTX *ctx = sv->served[k].ctx;
		SSL_CTX_set1_cert_store(ctx, store);
		/* Which authorities we know is told, so that a client with many certificates can choose. */
		for (int i = 0; i < sk_X509_num(trusted); i++)
			SSL_CTX_add_client_CA(ctx, sk_X509_value(trusted, i));
		SSL_CTX_set_verify(
			ctx,
			SSL_VERIFY_PEER |
				(b->client_cert_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			NULL);
	}
	X509_STORE_free(store);
	sk_X509_pop_free(trusted, X509_free);
	return rc == MG_OK ? rc
			   : err_wrap(err, "%.*s: client certificates' authorities",
				      SPAN_ARG(b->client_ca_name));
}

static void add_names(struct tlsserver *sv, size_t at)
{
	struct served *s = &sv->served[at];
	struct mg_buf text = BUF_MAX(64u << 10);
	GENERAL_NAMES *names = X509_get_ext_d2i(s->pair.cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
		if (g->type != GEN_DNS) continue;
		struct mg_span name = span_make(ASN1_STRING_get0_data(g->d.dNSName),
						(size_t)ASN1_STRING_length(g->d.dNSName));
		if (!servername_add(&sv->table, name, at)) continue;
		if (text.n > 0) buf_append_str(&text, ", ");
		buf_append(&text, name);
	}
	GENERAL_NAMES_free(names);
	s->names = check_strndup(text.n > 0 ? text.p : "", text.n);
	buf_deinit(&text);
}

static enum mg_code make_served(struct tlsserver *sv, size_t at, const struct bundle_pair *from,
				const struct tlsserver_options *o, struct mg_err *err)
{
	struct served *s = &sv->served[at];
	enum mg_code rc = pair_load(from, clock_wall_s(), &s->pair, err);

	s->name = check_strndup(from->name.n > 0 ? from->name.p : "", from->name.n);
	s->ctx = SSL_CTX_new(TLS_server_method());
	if (rc != MG_OK) return rc;
	if (s->ctx == NULL || !set_protocol(s->ctx))
		return pair_complain(err, "libssl cannot be set up");
	if (SSL_CTX_use_cert_and_key(s->ctx, s->pair.cert, s->pair.key, s->pair.chain, 1) != 1) {
		pair_complain(err, "cannot be used");
		return err_wrap(err, "%s", s->name);
	}
	set_resumption(s->ctx, o);
	SSL_CTX_set_app_data(s->ctx, sv);
	SSL_CTX_set_tlsext_servername_callback(s->ctx, on_name);
	SSL_CTX_set_tlsext_servername_arg(s->ctx, sv);
	SSL_CTX_set_alpn_select_cb(s->ctx, on_protocol, sv);
	SSL_CTX_set_tlsext_status_cb(s->ctx, on_staple);
	SSL_CTX_set_tlsext_status_arg(s->ctx, s);
	/* A ticket counts only where the same clients are trusted (RFC 8446 §4.6.1). */
	SSL_CTX_set_session_id_context(s->ctx, sv->policy, sizeof sv->policy);
	add_names(sv, at);
	return MG_OK;
}

static void set_policy(struct tlsserver *sv, const struct bundle *b)
{
	const char required = (char)b->client_cert_required;
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, span_make(&required, 1));
	sha256_update(&h, b->client_ca);
	sha256_final(&h, sv->policy);
}

enum mg_code tlsserver_new(const struct bundle *b, const struct tlsserver_options *o,
			   struct tlsserver **out, struct mg_err *err)
{
	struct tlsserver *sv = check_calloc(1, sizeof *sv);
	enum mg_code rc = MG_OK;

	MG_ASSERT(b->n > 0);
	atomic_init(&sv->refs, 1);
	sv->tickets = o->tickets;
	sv->h2 = o->h2;
	sv->served = check_calloc(b->n, sizeof *sv->served);
	set_policy(sv, b);
	for (; rc == MG_OK && sv->n < b->n; sv->n++)
		rc = make_served(sv, sv->n, &b->pairs[sv->n], o, err);
	servername_sort(&sv->table);
	if (rc == MG_OK && b->client_ca.n > 0) rc = set_clients(sv, b, err);
	ERR_clear_error();
	if (rc == MG_OK)
		*out = sv;
	else
		tlsserver_unref(&sv);
	return rc;
}

void tlsserver_ref(struct tlsserver *sv)
{
	atomic_fetch_add(&sv->refs, 1);
}

void tlsserver_unref(struct tlsserver **svp)
{
	struct tlsserver *sv = *svp;

	*svp = NULL;
	if (sv == NULL || atomic_fetch_sub(&sv->refs, 1) > 1) return;
	for (size_t i = 0; i < sv->n; i++) {
		SSL_CTX_free(sv->served[i].ctx);
		pair_deinit(&sv->served[i].pair);
		free(sv->served[i].name);
		free(sv->served[i].names);
	}
	servername_deinit(&sv->table);
	free(sv->served);
	free(sv);
}

SSL *tlsserver_greet(struct tlsserver *sv)
{
	SSL *ssl = SSL_new(sv->served[0].ctx);

	MG_ASSERT(ssl != NULL);
	SSL_set_accept_state(ssl);
	return ssl;
}

bool tlsserver_same_policy(const struct tlsserver *a, const struct tlsserver *b)
{
	return memcmp(a->policy, b->policy, sizeof a->policy) == 0;
}

size_t tlsserver_pairs(const struct tlsserver *sv)
{
	return sv->n;
}

void tlsserver_describe(const struct tlsserver *sv, size_t i, struct tlsserver_pair *out)
{
	const struct served *s = &sv->served[i];

	*out = (struct tlsserver_pair){
		.name = s->name,
		.names = s->names,
		.not_before = s->pair.not_before,
		.not_after = s->pair.not_after,
		.must_staple = s->pair.must_staple,
		.staple_until = s->pair.ocsp != NULL ? s->pair.ocsp_until : 0,
		.staple_refused = s->pair.refused.code != MG_OK ? s->pair.refused.text : NULL,
	};
}
