/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tlsconn.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "base/check.h"
#include "record/metrics.h"
#include "tls/tlsserver_internal.h"

/* Reads of the socket in one tlsconn_recv: what costs work and yields nothing (key updates, a handshake in
 * tiny pieces) must not hold the loop. */
#define READS_MAX 8
/* Pieces of records that one tlsconn_recv hands on: what comes by the byte costs its records. */
#define PIECES_MAX 64
/* Messages that a client may send after the handshake: key updates, one for millions of requests; and alerts, its own
 * and those that it makes us send. */
#define LATE_MESSAGES_MAX 32

struct tlsconn {
	SSL *ssl; /* NULL: nothing arrived yet */
	struct tlsserver *server;
	int fd;
	bool open;        /* the handshake is over */
	bool broken;      /* after it nothing may be asked of libssl */
	bool heard_http;  /* see tlsconn_heard_http */
	bool ended;       /* the peer's end was met */
	bool finished;    /* tlsconn_finish */
	bool stuck;       /* a record of ours waits for the socket */
	bool hangup;      /* tlsconn_hangup */
	bool drained;     /* this tlsconn_recv: a read of the socket came short */
	bool pending;     /* see tlsconn_pending */
	bool wants_write; /* see tlsconn_wants_write */
	bool more;        /* this tlsconn_send: something follows */
	uint8_t reads;    /* this tlsconn_recv */
	uint8_t late;     /* messages after the handshake */
	const char *fault;
};

/* --- the socket, as libssl sees it --- */

static int bio_read(BIO *bio, char *to, int n)
{
	struct tlsconn *c = BIO_get_data(bio);
	ssize_t got;

	BIO_clear_retry_flags(bio);
	/* A short read has emptied the socket; what came since is announced. */
	if ((c->drained && !c->hangup) || c->reads == READS_MAX) {
		BIO_set_retry_read(bio);
		return -1;
	}
	do
		got = recv(c->fd, to, (size_t)n, 0);
	while (got < 0 && errno == EINTR);
	c->reads++;
	c->drained = got < n;
	if (got == 0) c->ended = true;
	if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
	return (int)got;
}

static int bio_write(BIO *bio, const char *bytes, int n)
{
	struct tlsconn *c = BIO_get_data(bio);
	ssize_t sent;

	BIO_clear_retry_flags(bio);
	do
		sent = send(c->fd, bytes, (size_t)n, MSG_NOSIGNAL | (c->more ? MSG_MORE : 0));
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
	return (int)sent;
}

static long bio_control(BIO *bio, int what, long number, void *arg)
{
	const struct tlsconn *c = BIO_get_data(bio);

	if (what == BIO_CTRL_EOF) return c->ended;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of a connection");
	MG_ASSERT(method != NULL && BIO_meth_set_read(method, bio_read) == 1 &&
		  BIO_meth_set_write(method, bio_write) == 1 &&
		  BIO_meth_set_ctrl(method, bio_control) == 1);
}

static void on_message(int writing, int version, int type, const void *bytes, size_t n, SSL *ssl,
		       void *arg)
{
	struct tlsconn *c = arg;

	const bool counts = type == SSL3_RT_ALERT || (type == SSL3_RT_HANDSHAKE && !writing);

	if (!c->open || !counts || c->late == LATE_MESSAGES_MAX) return;
	c->late++;
	/* libssl would go on for as long as it is given records, and answer each. */
	if (c->late == LATE_MESSAGES_MAX) SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
}

static void begin(struct tlsconn *c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	MG_ASSERT(pthread_once(&once, make_method) == 0);
	BIO *bio = BIO_new(method);
	MG_ASSERT(bio != NULL);
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	c->ssl = tlsserver_greet(c->server);
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_msg_callback(c->ssl, on_message);
	SSL_set_msg_callback_arg(c->ssl, c);
}

/* --- life --- */

struct tlsconn *tlsconn_new(struct tlsserver *sv, int fd)
{
	struct tlsconn *c = check_calloc(1, sizeof *c);

	tlsserver_ref(sv);
	c->server = sv;
	c->fd = fd;
	return c;
}

void tlsconn_free(struct tlsconn **cp)
{
	struct tlsconn *c = *cp;

	if (c == NULL) return;
	*cp = NULL;
	SSL_free(c->ssl);
	tlsserver_unref(&c->server);
	free(c);
}

/* Others of this thread may have left theirs in libcrypto's queue, which SSL_get_error looks into. */
static void clear_errors(void)
{
	if (ERR_peek_error() != 0) ERR_clear_error();
}

static ssize_t fail(struct tlsconn *c, int why)
{
	const unsigned long e = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(e);

	ERR_clear_error();
	if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_R_HTTP_REQUEST)
		c->heard_http = true;
	if (!c->open && !c->broken)
		metrics_add(METRICS_TLS_HANDSHAKES + METRICS_HANDSHAKE_FAILED, 1);
	if (!c->broken) c->fault = reason != NULL ? reason : strerrordesc_np(why);
	c->broken = true;
	errno = why;
	return -1;
}

/* After libssl gave no bytes: what tlsconn_recv returns. */
static ssize_t explain(struct tlsconn *c)
{
	switch (SSL_get_error(c->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		c->pending = c->reads == READS_MAX;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		c->wants_write = true;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SSL:
		return fail(c, c->ended ? ECONNRESET : EPROTO);
	default:
		return fail(c, ECONNRESET);
	}
}

static ssize_t discard(struct tlsconn *c, char *to, size_t n)
{
	ssize_t got;

	do
		got = recv(c->fd, to, n, 0);
	while (got < 0 && errno == EINTR);
	c->pending = false;
	return got;
}

static void opened(struct tlsconn *c)
{
	c->open = true;
	metrics_add(METRICS_TLS_HANDSHAKES + (SSL_session_reused(c->ssl) == 1
						      ? METRICS_HANDSHAKE_RESUMED
						      : METRICS_HANDSHAKE_FULL),
		    1);
}

/* RFC 8446 §5.1: type, version, length of what follows. Anything else than a handshake is libssl's to refuse. */
bool tlsconn_too_early(const struct tlsconn *c)
{
	uint8_t head[2048]; /* most first messages fit */
	int there = 0;

	if (c->ssl != NULL || c->finished || c->hangup) return false;
	const ssize_t n = recv(c->fd, head, sizeof head, MSG_PEEK);
	if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (head[0] != SSL3_RT_HANDSHAKE) return false;
	if (n < SSL3_RT_HEADER_LENGTH) return true;
	const int whole = SSL3_RT_HEADER_LENGTH + (head[3] << 8 | head[4]);
	if (whole > SSL3_RT_HEADER_LENGTH + SSL3_RT_MAX_PLAIN_LENGTH) return false;
	if (whole <= (int)sizeof head) return n < whole;
	return ioctl(c->fd, FIONREAD, &there) == 0 && there < whole;
}

ssize_t tlsconn_recv(struct tlsconn *c, char *to, size_t n)
{
	size_t got = 0, part;
	ssize_t last = 0;
	bool over = false;

	if (c->finished) return discard(c, to, n);
	c->drained = c->pending = c->wants_write = false;
	c->reads = 0;
	if (c->broken) return fail(c, ECONNRESET);
	if (c->ssl == NULL) begin(c);
	clear_errors();
	for (int pieces = 0; got < n; pieces++) {
		if (pieces == PIECES_MAX) {
			c->pending = true;
			break;
		}
		int rc = SSL_read_ex(c->ssl, to + got, n - got, &part);
		if (!c->open && SSL_is_init_finished(c->ssl)) opened(c);
		if (c->late == LATE_MESSAGES_MAX) {
			metrics_add(METRICS_TLS_FLOODS, 1);
			return fail(c, ECONNRESET);
		}
		if (rc != 1) {
			last = explain(c);
			over = last == 0 || c->broken;
			break;
		}
		got += part;
		/* Saves a look at a socket that is known to be empty. */
		if (c->drained && !c->hangup && SSL_has_pending(c->ssl) == 0) break;
	}
	if (got == 0) return last;
	/* An end, or a fault, is told the next time. */
	if (got == n || over) c->pending = true;
	return (ssize_t)got;
}

bool tlsconn_pending(const struct tlsconn *c)
{
	return c->pending;
}

bool tlsconn_wants_write(const struct tlsconn *c)
{
	return c->wants_write;
}

void tlsconn_hangup(struct tlsconn *c)
{
	c->hangup = true;
}

ssize_t tlsconn_send(struct tlsconn *c, struct mg_span bytes, bool more)
{
	size_t sent = 0, part;

	if (c->broken || !c->open || c->finished) return fail(c, EPIPE);
	clear_errors();
	while (sent < bytes.n) {
		c->more = more || bytes.n - sent > SSL3_RT_MAX_PLAIN_LENGTH;
		int rc = SSL_write_ex(c->ssl, bytes.p + sent, bytes.n - sent, &part);
		c->stuck = rc != 1;
		if (rc == 1) {
			sent += part;
			continue;
		}
		if (SSL_get_error(c->ssl, 0) != SSL_ERROR_WANT_WRITE) return fail(c, EPIPE);
		errno = EAGAIN;
		return sent > 0 ? (ssize_t)sent : -1;
	}
	return (ssize_t)sent;
}

void tlsconn_finish(struct tlsconn *c)
{
	if (c->finished) return;
	c->finished = true;
	c->more = false;
	/* Between the two halves of a record of ours nothing can be said. */
	if (!c->open || c->broken || c->stuck) return;
	clear_errors();
	SSL_shutdown(c->ssl);
	ERR_clear_error();
}

const char *tlsconn_fault(const struct tlsconn *c)
{
	return c->fault != NULL ? c->fault : "";
}

bool tlsconn_heard_http(const struct tlsconn *c)
{
	return c->heard_http;
}

bool tlsconn_begun(const struct tlsconn *c)
{
	return c->ssl != NULL && !c->open && !c->broken;
}

bool tlsconn_open(const struct tlsconn *c)
{
	return c->open;
}

bool tlsconn_h2(const struct tlsconn *c)
{
	const unsigned char *name;
	unsigned n;

	if (!c->open) return false;
	SSL_get0_alpn_selected(c->ssl, &name, &n);
	return span_eq(span_make(name, n), SPAN("h2"));
}

size_t tlsconn_subject(const struct tlsconn *c, char *out, size_t size)
{
	X509 *cert = c->open ? SSL_get0_peer_certificate(c->ssl) : NULL;
	char *text;
	long n = 0;

	out[0] = '\0';
	if (cert == NULL || SSL_get_verify_result(c->ssl) != X509_V_OK) return 0;
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio != NULL &&
	    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_get_mem_data(bio, &text);
	if (n < 0 || (size_t)n >= size) n = n < 0 ? 0 : (long)size - 1;
	if (n > 0) memcpy(out, text, (size_t)n);
	out[n] = '\0';
	BIO_free(bio);
	return (size_t)n;
}
