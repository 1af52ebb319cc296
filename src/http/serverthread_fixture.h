/* SPDX-License-Identifier: Apache-2.0 */
/* A server on a loop thread, blocking clients in the test's thread. */
#ifndef HTTP_SERVERTHREAD_FIXTURE_H
#define HTTP_SERVERTHREAD_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/listener.h"
#include "http/server_fixture.h"

#define PARKED_MAX 8

struct fixture {
	struct loop *loop;
	struct lane *lane;
	struct server *server;
	struct server_options options;
	pthread_t thread;
	int listen_fd;
	sem_t event; /* a park, a departure, a drain, an errand done */
	/* On the loop's thread: */
	struct exchange *parked[PARKED_MAX];
	unsigned parked_n, gone, requests;
	bool deaf; /* parked without on_gone */
	struct reply *hello, *big, *file;
	uint64_t drain_ms;
	size_t connections;
};

static inline void release_file(struct reply_file *f)
{
	close(f->fd);
	free(f);
}

static inline struct reply *reply_of(struct mg_span body, struct reply_file *file)
{
	return reply_new(&(struct reply_spec){ .status = 200,
					       .content_type = SPAN("text/plain"),
					       .etag = SPAN("\"v\""),
					       .last_modified = -1,
					       .body = body,
					       .file = file,
					       .request_id_at = -1 });
}

static inline void make_replies(struct fixture *f)
{
	static char bytes[4 << 20];
	struct reply_file *file = calloc(1, sizeof *file);

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 13 + i / 4093);
	f->hello = reply_of(SPAN("hello"), NULL);
	f->big = reply_of(span_make(bytes, sizeof bytes), NULL);
	*file = (struct reply_file){ .fd = memfd_create("file", MFD_CLOEXEC),
				     .size = sizeof bytes,
				     .release = release_file };
	assert_int_equal(write(file->fd, bytes, sizeof bytes), sizeof bytes);
	f->file = reply_of((struct mg_span){ 0 }, file);
}

static inline void on_gone(struct exchange *x)
{
	struct fixture *f = x->user;

	f->gone++;
	sem_post(&f->event);
}

static inline void handle(struct exchange *x, void *arg)
{
	struct fixture *f = arg;

	f->requests++;
	if (span_eq(x->head.path, SPAN("/hello"))) {
		exchange_send(x, f->hello);
	} else if (span_eq(x->head.path, SPAN("/big"))) {
		exchange_send(x, f->big);
	} else if (span_eq(x->head.path, SPAN("/file"))) {
		exchange_send(x, f->file);
	} else if (span_eq(x->head.path, SPAN("/park"))) {
		exchange_park(x);
		x->user = f;
		if (!f->deaf) x->on_gone = on_gone;
		f->parked[f->parked_n++] = x;
		sem_post(&f->event);
	} else {
		struct mg_span peer = exchange_peer(x);
		struct reply *r = reply_of(peer, NULL);
		exchange_send(x, r);
		reply_unref(&r);
	}
}

static inline void *run(void *arg)
{
	struct fixture *f = arg;

	loop_run(f->loop);
	return NULL;
}

static inline void start(struct fixture *f)
{
	f->options.fs_lane = f->lane;
	f->server = server_new(f->loop, &(struct server_listener){ .fd = f->listen_fd }, 1,
			       &f->options, handle, f);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static inline int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);
	struct mg_err err;

	f->loop = loop_new();
	f->lane = lane_new("fs", 1, 8, 0);
	f->options = SERVER_FIXTURE_OPTIONS;
	f->options.fields = SPAN("Server: test\r\n");
	sem_init(&f->event, 0, 0);
	make_replies(f);
	assert_int_equal(listener_open(SPAN("127.0.0.1:0"), false, &f->listen_fd, &err), MG_OK);
	*state = f;
	return 0;
}

static inline void wait_event(struct fixture *f)
{
	while (sem_wait(&f->event) != 0)
		assert_int_equal(errno, EINTR);
}

/* Runs fn on the loop and waits for it. */
struct errand {
	struct fixture *f;
	void (*fn)(struct fixture *f);
	sem_t done;
};

static inline void on_errand(void *arg)
{
	struct errand *e = arg;

	e->fn(e->f);
	sem_post(&e->done);
}

static inline void on_loop(struct fixture *f, void (*fn)(struct fixture *f))
{
	struct errand e = { .f = f, .fn = fn };

	sem_init(&e.done, 0, 0);
	loop_post(f->loop, on_errand, &e);
	while (sem_wait(&e.done) != 0)
		assert_int_equal(errno, EINTR);
	sem_destroy(&e.done);
}

static inline void stop_loop(struct fixture *f)
{
	server_free(&f->server);
	loop_stop(f->loop);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	on_loop(f, stop_loop);
	pthread_join(f->thread, NULL);
	lane_free(&f->lane);
	reply_unref(&f->hello);
	reply_unref(&f->big);
	reply_unref(&f->file);
	loop_free(&f->loop);
	close(f->listen_fd);
	sem_destroy(&f->event);
	test_free(f);
	return 0;
}

static inline int dial(struct fixture *f)
{
	struct sockaddr_in to;
	socklen_t size = sizeof to;
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&to, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, size), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return fd;
}

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void ask(int fd, const char *path)
{
	char text[256];

	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
	say(fd, text);
}

/* Reads an answer; returns its status, its body of at most cap - 1 bytes (cut) in body. */
static inline int hear(int fd, char *body, size_t cap, size_t *body_n)
{
	char head[4096];
	size_t n = 0, length = 0;
	int status = 0;

	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
		if (n + 1 >= sizeof head || recv(fd, head + n, 1, 0) != 1) return -1;
		n++;
	}
	head[n] = '\0';
	assert_int_equal(sscanf(head, "HTTP/1.1 %d", &status), 1);
	const char *field = strstr(head, "Content-Length: ");
	if (field != NULL) sscanf(field, "Content-Length: %zu", &length);
	size_t at = 0;
	char block[16384];
	while (at < length) {
		size_t want = length - at < sizeof block ? length - at : sizeof block;
		ssize_t got = recv(fd, block, want, 0);
		if (got <= 0) return -1;
		for (ssize_t i = 0; i < got; i++, at++)
			if (at + 1 < cap) body[at] = block[i];
	}
	if (cap > 0) body[at < cap ? at : cap - 1] = '\0';
	*body_n = at;
	return status;
}

static inline void expect(int fd, const char *want)
{
	char body[256];
	size_t n;

	assert_int_equal(hear(fd, body, sizeof body, &n), 200);
	assert_string_equal(body, want);
}

static inline bool ended(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0;
}

static inline void wake_all(struct fixture *f)
{
	for (unsigned i = 0; i < f->parked_n; i++)
		exchange_send(f->parked[i], f->hello);
	f->parked_n = 0;
}

static inline void nothing(struct fixture *f)
{
	f->connections = server_connections(f->server);
}

#endif
