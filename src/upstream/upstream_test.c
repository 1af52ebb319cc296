/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads through one upstream, against a small server in the same process. What single answers
 * lead to is tried in tests/upstream. */
#include "upstream/upstream_fixture.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS     8
#define GETS        40
#define CONNECTIONS 64

/* Answers every request of every connection alike; one thread a connection. */
struct server {
	int listener;
	unsigned port;
	pthread_t acceptor, threads[CONNECTIONS];
	int connections[CONNECTIONS];
	atomic_int accepted;
	atomic_int requests;
	const char *answer;
};

struct visit {
	struct server *server;
	int fd;
};

static void *serve(void *arg)
{
	struct visit *v = arg;
	char bytes[4096];
	size_t n = 0;
	for (;;) {
		const ssize_t got = recv(v->fd, bytes + n, sizeof bytes - 1 - n, 0);
		if (got <= 0) break;
		n += (size_t)got;
		bytes[n] = '\0';
		if (strstr(bytes, "\r\n\r\n") == NULL) continue;
		n = 0;
		atomic_fetch_add(&v->server->requests, 1);
		const char *a = v->server->answer;
		if (send(v->fd, a, strlen(a), MSG_NOSIGNAL) < 0) break;
	}
	free(v);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct server *s = arg;
	for (;;) {
		const int fd = accept(s->listener, NULL, NULL);
		const int i = atomic_load(&s->accepted);
		if (fd < 0 || i == CONNECTIONS) return NULL;
		struct visit *v = malloc(sizeof *v);
		*v = (struct visit){ .server = s, .fd = fd };
		s->connections[i] = fd;
		atomic_fetch_add(&s->accepted, 1);
		pthread_create(&s->threads[i], NULL, serve, v);
	}
}

static void server_start(struct server *s, const char *answer)
{
	*s = (struct server){ .answer = answer };
	struct sockaddr_in where = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof where;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&where, n), 0);
	assert_int_equal(listen(s->listener, CONNECTIONS), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&where, &n), 0);
	s->port = ntohs(where.sin_port);
	pthread_create(&s->acceptor, NULL, accept_all, s);
}

static void server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	close(s->listener);
	for (int i = 0; i < atomic_load(&s->accepted); i++) {
		shutdown(s->connections[i], SHUT_RDWR);
		pthread_join(s->threads[i], NULL);
		close(s->connections[i]);
	}
}

static enum mg_code count(void *arg, struct mg_span bytes, struct mg_err *err)
{
	*(size_t *)arg += bytes.n;
	return MG_OK;
}

static enum mg_code forget(void *arg, struct mg_err *err)
{
	*(size_t *)arg = 0;
	return MG_OK;
}

struct crowd {
	struct upstream *upstream;
	char url[64];
	atomic_int good, status;
};

static void *ask(void *arg)
{
	struct crowd *c = arg;
	for (int i = 0; i < GETS; i++) {
		size_t bytes = 0;
		struct mg_err err;
		struct upstream_answer answer = { .text = BUF_MAX(64) };
		const struct upstream_request rq = {
			.url = span_of(c->url),
			.max_bytes = 100,
			.sink = { .write = count, .restart = forget, .arg = &bytes },
		};
		if (upstream_get(c->upstream, &rq, &answer, &err) == MG_OK && bytes == 5 &&
		    answer.bytes == 5)
			atomic_fetch_add(&c->good, 1);
		atomic_store(&c->status, answer.status);
		buf_deinit(&answer.text);
		if (i % 10 == 0) upstream_sweep(c->upstream);
	}
	return NULL;
}

static void ask_together(struct crowd *c)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, ask, c);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void threads_share_connections(void **state)
{
	struct server s;
	struct upstream_options o = UPSTREAM_FIXTURE_OPTIONS;
	struct crowd c = { 0 };
	o.per_host = 4;
	server_start(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	c.upstream = upstream_new(&o);
	snprintf(c.url, sizeof c.url, "http://127.0.0.1:%u/x", s.port);
	ask_together(&c);
	assert_int_equal(atomic_load(&c.good), THREADS * GETS);
	assert_int_equal(atomic_load(&s.requests), THREADS * GETS);
	assert_in_range(atomic_load(&s.accepted), 1, 4);
	upstream_free(&c.upstream);
	upstream_free(&c.upstream);
	server_stop(&s);
}

static void a_dead_host_is_left_alone(void **state)
{
	struct server s;
	struct upstream_options o = UPSTREAM_FIXTURE_OPTIONS;
	struct crowd c = { 0 };
	o.retries = 0;
	o.breaker_failures = 3;
	o.breaker_open_ms = 3600000;
	server_start(&s, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
	c.upstream = upstream_new(&o);
	snprintf(c.url, sizeof c.url, "http://127.0.0.1:%u/x", s.port);
	ask_together(&c);
	/* Those under way when it opened end as they may. */
	assert_in_range(atomic_load(&s.requests), 3, 3 + THREADS);
	assert_int_equal(atomic_load(&c.good), 0);
	upstream_free(&c.upstream);
	server_stop(&s);
}

int main(void)
{
	unsetenv("HTTP_PROXY");
	unsetenv("http_proxy");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_share_connections),
		cmocka_unit_test(a_dead_host_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
