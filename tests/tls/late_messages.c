/* SPDX-License-Identifier: Apache-2.0 */
/* late_messages PORT SECONDS WHAT: TLS connections one after the other to 127.0.0.1 that send after the handshake what
 * costs the server work and brings nothing (T38): as many KeyUpdates as it takes (TLS 1.3), a renegotiation (TLS 1.2), or
 * requests of which each byte is a record, whose answers nobody looks at. Prints "begun" before the first's, then how many
 * connections and messages there were. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define UPDATES_MAX 1000000

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

/* Many for each write. */
static void collect(SSL *ssl, int fd)
{
	BIO *pieces = BIO_new(BIO_f_buffer()), *out = BIO_new_socket(fd, BIO_NOCLOSE);

	BIO_set_write_buffer_size(pieces, 60000);
	SSL_set0_wbio(ssl, BIO_push(pieces, out));
}

static long update_keys(SSL *ssl, int fd)
{
	long n = 0;

	collect(ssl, fd);
	while (n < UPDATES_MAX && SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
	       SSL_do_handshake(ssl) == 1)
		n++;
	return n;
}

static long drip(SSL *ssl, int fd)
{
	static const char request[] = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
	char answers[65536];
	long n = 0;

	collect(ssl, fd);
	while (n < UPDATES_MAX && SSL_write(ssl, request + n % (sizeof request - 1), 1) == 1)
		if (n++ % 1000 == 0)
			while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) > 0)
				;
	return n;
}

static long renegotiate(SSL *ssl)
{
	/* It is refused, by an alert or by the end. */
	if (SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1 && SSL_in_init(ssl) == 0) {
		fprintf(stderr, "the server has renegotiated\n");
		exit(1);
	}
	return 1;
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	long connections = 0, messages = 0;

	if (argc != 4) return 2;
	const int again = strcmp(argv[3], "renegotiation") == 0,
		  drips = strcmp(argv[3], "drips") == 0;
	SSL_CTX_set_max_proto_version(ctx, again ? TLS1_2_VERSION : TLS1_3_VERSION);
	signal(SIGPIPE, SIG_IGN);
	const double end = now() + atof(argv[2]);
	do {
		int fd = dial(atoi(argv[1]));
		SSL *ssl = SSL_new(ctx);
		SSL_set_fd(ssl, fd);
		if (SSL_connect(ssl) == 1) {
			if (connections++ == 0) puts("begun");
			fflush(stdout);
			messages += again   ? renegotiate(ssl)
				    : drips ? drip(ssl, fd)
					    : update_keys(ssl, fd);
		}
		SSL_free(ssl);
		close(fd);
	} while (now() < end);
	printf("%ld %ld\n", connections, messages);
	SSL_CTX_free(ctx);
	return 0;
}
