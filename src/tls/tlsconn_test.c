/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/ioctl.h>

#include <openssl/kdf.h>

#include "tls/tlsconn_fixture.h"

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

/* Those that come with one read are not all worked on before they are counted. */
static void key_updates_at_once_end_it_at_once(void **state)
{
	struct fixture *f = *state;
	char buf[64];
	int before = 0, after = 0;

	serve(f);
	call(f, NULL);
	assert_true(shake(f));
	talk(f);
	for (int i = 0; i < 150; i++) {
		assert_int_equal(SSL_key_update(f->client, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(f->client), 1);
	}
	assert_int_equal(ioctl(f->ends[1], FIONREAD, &before), 0);
	assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), -1);
	assert_int_equal(errno, ECONNRESET);
	/* It has answered some, by a record of 27 bytes each. */
	assert_int_equal(ioctl(f->ends[1], FIONREAD, &after), 0);
	assert_in_range(after - before, 27, 27 * 32);
}

/* A byte each: the work is in the records. */
static void small_records_take_turns(void **state)
{
	struct fixture *f = *state;
	char buf[4096];
	ssize_t n, sum = 0;

	serve(f);
	call(f, NULL);
	assert_true(shake(f));
	talk(f);
	for (int i = 0; i < 200; i++)
		assert_int_equal(SSL_write(f->client, &(char){ (char)i }, 1), 1);
	while ((n = tlsconn_recv(f->conn, buf, sizeof buf)) > 0) {
		assert_in_range(n, 1, 64);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buf[i], (char)(sum + i));
		sum += n;
		assert_int_equal(tlsconn_pending(f->conn), sum < 200);
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sum, 200);
}

/* --- a client of 1.2 whose records libssl would not make --- */

struct sealing {
	uint8_t key[16], salt[4];
	uint64_t number; /* of the next record */
};

/* key_block = PRF(master_secret, "key expansion", server_random + client_random) (RFC 5246 §6.3); for AES-128-GCM:
 * client's key, server's key, client's salt, server's salt (RFC 5288 §3). */
static void take_keys(const SSL *ssl, struct sealing *out)
{
	unsigned char master[48], seed[13 + 64] = "key expansion", block[40];
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master);
	SSL_get_server_random(ssl, seed + 13, 32);
	SSL_get_client_random(ssl, seed + 45, 32);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_octet_string("secret", master, sizeof master),
		OSSL_PARAM_construct_octet_string("seed", seed, sizeof seed),
		OSSL_PARAM_construct_end(),
	};
	assert_int_equal(EVP_KDF_derive(ctx, block, sizeof block, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	memcpy(out->key, block, 16);
	memcpy(out->salt, block + 32, 4);
}

static void send_record(struct fixture *f, struct sealing *s, uint8_t type, const void *bytes,
			uint8_t n)
{
	uint8_t number[8], aad[13],
		record[5 + 8 + 64 + 16] = { type, 3, 3, 0, (uint8_t)(8 + n + 16) };
	uint8_t iv[12];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int done;

	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(s->number >> (56 - 8 * i));
	s->number++;
	memcpy(aad, number, 8);
	memcpy(aad + 8, (uint8_t[]){ type, 3, 3, 0, n }, 5);
	memcpy(iv, s->salt, 4);
	memcpy(iv + 4, number, 8);
	memcpy(record + 5, number, 8);
	EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, s->key, iv);
	EVP_EncryptUpdate(ctx, NULL, &done, aad, sizeof aad);
	EVP_EncryptUpdate(ctx, record + 13, &done, bytes, n);
	EVP_EncryptFinal_ex(ctx, record + 13 + n, &done);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, record + 13 + n);
	EVP_CIPHER_CTX_free(ctx);
	const ssize_t size = 13 + n + 16;
	assert_int_equal(send(f->ends[1], record, (size_t)size, 0), size);
}

static void begin_sealing(struct fixture *f, struct sealing *s)
{
	serve(f);
	call(f, NULL);
	SSL_set_max_proto_version(f->client, TLS1_2_VERSION);
	SSL_set_cipher_list(f->client, "ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_true(shake(f));
	*s = (struct sealing){ .number = 1 }; /* behind Finished */
	take_keys(f->client, s);
}

/* A renegotiation is refused by an alert each, and warnings are heard: neither without end. */
static void alerts_are_counted(void **state)
{
	static const struct {
		uint8_t type, n;
		const char *bytes;
	} cases[] = {
		{ SSL3_RT_HANDSHAKE, 4, "\x01\0\0\0" }, /* ClientHello */
		{ SSL3_RT_ALERT, 2, "\x01\x5a" },       /* warning, user_canceled */
	};
	struct fixture *f = *state;
	struct sealing s;
	char buf[64];

	for (size_t i = 0; i < 2; i++) {
		int before = 0, after = 0;
		ssize_t n = 0, got = 0;
		begin_sealing(f, &s);
		send_record(f, &s, SSL3_RT_APPLICATION_DATA, "x", 1);
		assert_int_equal(tlsconn_recv(f->conn, buf, sizeof buf), 1);
		for (int k = 0; k < 60; k++) {
			send_record(f, &s, cases[i].type, cases[i].bytes, cases[i].n);
			/* Warnings one behind the other libssl counts itself. */
			send_record(f, &s, SSL3_RT_APPLICATION_DATA, "x", 1);
		}
		assert_int_equal(ioctl(f->ends[1], FIONREAD, &before), 0);
		while ((n = tlsconn_recv(f->conn, buf, sizeof buf)) > 0)
			got += n;
		assert_int_equal(n, -1);
		assert_int_equal(errno, ECONNRESET);
		assert_in_range(got, 0, 32);
		assert_int_equal(ioctl(f->ends[1], FIONREAD, &after), 0);
		assert_in_range(after - before, 0, 31 * 32);
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH(much_through_a_narrow_socket),
		WITH(much_in_one_turn_is_read_in_several),
		WITH(ends_are_told_apart),
		WITH(garbage_is_answered_by_an_alert),
		WITH(handshake_in_single_bytes),
		WITH(nothing_begins_before_a_whole_first_message),
		WITH(key_updates_are_counted),
		WITH(key_updates_at_once_end_it_at_once),
		WITH(small_records_take_turns),
		WITH(alerts_are_counted),
	};

	return cmocka_run_group_tests_name("tlsconn", tests, make_all, unmake_all);
}
