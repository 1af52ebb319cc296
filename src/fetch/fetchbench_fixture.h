/* SPDX-License-Identifier: Apache-2.0 */
/* Fetch as the front sees it: orders into channels, results out, files in the store. Origins are trees
 * on disk, or a socket that listens and never answers. */
#ifndef FETCH_FETCHBENCH_FIXTURE_H
#define FETCH_FETCHBENCH_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fetch/fetch_fixture.h"
#include "fetch/ticket.h"
#include "loop/channel.h"

#define DESKS       2
#define RESULTS_MAX 64
#define PATIENCE_MS 20000

struct bench {
	char root[64]; /* with "store", "a" and "b" below */
	char proxies[256];
	struct loop *loop;
	struct loop_timer *patience;
	struct store *store;
	struct upstream *upstream;
	struct negative *negative;
	struct fetch_options options;
	struct fetch *fetch;
	struct channel *desks[DESKS];
	/* of the last result */
	struct ticket last;
	char text[512];
	size_t results, wanted;
	size_t forgets; /* FORGETs, on all desks */
	uint32_t next_id;
};

/* --- the bench --- */

static inline void on_result(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct bench *b = arg;
	struct ticket t;
	assert_true(ticket_decode(message, &t));
	if (t.type == TICKET_FORGET) {
		b->forgets++;
		return;
	}
	assert_int_equal(t.type, TICKET_RESULT);
	snprintf(b->text, sizeof b->text, "%.*s", SPAN_ARG(t.text));
	b->last = t;
	if (++b->results == b->wanted) loop_stop(b->loop);
}

static inline void on_closed(void *arg)
{
	fail_msg("fetch closed its channel");
}

static inline void on_patience(void *arg)
{
	fail_msg("no result");
}

static inline void open_desk(struct bench *b, size_t i)
{
	int ends[2];
	assert_int_equal(channel_pair(ends), 0);
	fetch_add_channel(b->fetch, ends[0]);
	b->desks[i] = channel_new(b->loop, ends[1], on_result, on_closed, b);
}

static inline void start_fetch(struct bench *b)
{
	struct mg_err err;
	b->upstream = upstream_new(&(struct upstream_options){ .connect_ms = 5000,
							       .first_byte_ms = 60000,
							       .stall_ms = 5000,
							       .redirects = 10,
							       .per_host = 8,
							       .queue_ms = 5000,
							       .breaker_failures = 100,
							       .breaker_open_ms = 100,
							       .user_agent = "test",
							       .via = "1.1 test" });
	b->options.goproxy = b->proxies;
	if (fetch_new(b->loop, &b->options, b->store, b->upstream, b->negative, &b->fetch, &err) !=
	    MG_OK)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < DESKS; i++)
		open_desk(b, i);
}

static inline void stop_fetch(struct bench *b)
{
	for (size_t i = 0; i < DESKS; i++)
		channel_free(&b->desks[i]);
	fetch_free(&b->fetch);
	upstream_free(&b->upstream);
}

static inline void restart_fetch(struct bench *b)
{
	stop_fetch(b);
	start_fetch(b);
}

static inline int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct mg_err err;
	char store[96];
	snprintf(b->root, sizeof b->root, "/tmp/modgate-fetch-XXXXXX");
	if (mkdtemp(b->root) == NULL) return -1;
	snprintf(store, sizeof store, "%s/store", b->root);
	b->loop = loop_new();
	if (store_open(store, STORE_WRITE, &b->store, &err) != MG_OK) return -1;
	if (negative_open(store, &b->negative, &err) != MG_OK) return -1;
	snprintf(b->proxies, sizeof b->proxies, "file://%s/a,file://%s/b", b->root, b->root);
	b->options = FETCH_FIXTURE_OPTIONS;
	b->patience = loop_timer_new(b->loop, on_patience, b);
	*state = b;
	start_fetch(b);
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int tear_down(void **state)
{
	struct bench *b = *state;
	stop_fetch(b);
	loop_timer_free(&b->patience);
	loop_free(&b->loop);
	negative_close(&b->negative);
	store_close(&b->store);
	const int rc = nftw(b->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(b);
	return rc;
}

/* Writes root/file, making its folders. */
static inline void put(const struct bench *b, const char *file, const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", b->root, file);
	for (char *p = path + strlen(b->root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline void move(const struct bench *b, const char *from, const char *to)
{
	char source[512], target[512];
	snprintf(source, sizeof source, "%s/%s", b->root, from);
	snprintf(target, sizeof target, "%s/%s", b->root, to);
	assert_int_equal(rename(source, target), 0);
}

static inline uint32_t order(struct bench *b, size_t desk, const struct ticket *t)
{
	struct ticket copy = *t;
	struct mg_buf message = BUF_MAX(CHANNEL_MESSAGE_MAX);
	copy.type = TICKET_ORDER;
	copy.id = b->next_id++;
	ticket_encode(&copy, &message);
	channel_send(b->desks[desk], buf_span(&message), NULL, 0);
	buf_deinit(&message);
	return copy.id;
}

static inline void cancel_order(struct bench *b, size_t desk, uint32_t id)
{
	struct mg_buf message = BUF_MAX(64);
	ticket_encode(&(struct ticket){ .type = TICKET_CANCEL, .id = id }, &message);
	channel_send(b->desks[desk], buf_span(&message), NULL, 0);
	buf_deinit(&message);
}

static inline void wait_for(struct bench *b, size_t results)
{
	b->wanted = b->results + results;
	loop_timer_start(b->patience, PATIENCE_MS, 0);
	loop_run(b->loop);
	loop_timer_stop(b->patience);
}

static inline enum mg_code ask_flags(struct bench *b, enum target_kind kind, const char *path,
				     const char *version, uint32_t flags)
{
	order(b, 0,
	      &(struct ticket){ .kind = kind,
				.path = span_of(path),
				.version = span_of(version),
				.flags = flags });
	wait_for(b, 1);
	return b->last.code;
}

static inline enum mg_code ask(struct bench *b, enum target_kind kind, const char *path,
			       const char *version)
{
	return ask_flags(b, kind, path, version, 0);
}

static inline void assert_stored(struct bench *b, const char *key, const char *text)
{
	struct mg_buf out = BUF_MAX(4096);
	struct mg_err err;
	assert_int_equal(store_read(b->store, key, true, &out, NULL, &err), STORE_HIT);
	assert_string_equal(buf_cstr(&out), text);
	buf_deinit(&out);
}

#define INFO(v) "{\"Version\":\"" v "\",\"Time\":\"2020-01-01T00:00:00Z\"}"
#define M       "example.com/M"
#define E       "example.com/!m/@v/"
#define KEY(x)  "modules/example.com/!m/@v/" x

/* --- a silent origin --- */

static inline int listen_silently(struct bench *b)
{
	struct sockaddr_in where = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof where;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&where, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &n), 0);
	snprintf(b->proxies, sizeof b->proxies, "http://127.0.0.1:%u", ntohs(where.sin_port));
	restart_fetch(b);
	return fd;
}

struct watch {
	struct loop *loop;
	struct loop_io *io;
};

static inline void on_readable(void *arg, unsigned events)
{
	struct watch *w = arg;
	loop_io_want(w->io, 0);
	loop_stop(w->loop);
}

/* Runs the loop until fd can be read. */
static inline void wait_readable(struct bench *b, int fd)
{
	struct watch w = { .loop = b->loop };
	w.io = loop_io_new(b->loop, fd, on_readable, &w);
	loop_io_want(w.io, LOOP_READ);
	loop_timer_start(b->patience, PATIENCE_MS, 0);
	loop_run(b->loop);
	loop_timer_stop(b->patience);
	loop_io_free(&w.io);
}

static inline int accept_one(struct bench *b, int listener)
{
	wait_readable(b, listener);
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

/* Runs the loop until the other side of fd, having asked what it will, closes. */
static inline void wait_gone(struct bench *b, int fd)
{
	char bytes[4096];
	for (ssize_t n = 1; n != 0;) {
		wait_readable(b, fd);
		while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
			;
		if (n < 0 && errno != EAGAIN) n = 0;
	}
	close(fd);
}

static inline void answer(int fd, const char *text)
{
	char bytes[1024];
	snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(text), text);
	assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
}

/* What the next one to come asks for. */
static inline int accept_request(struct bench *b, int listener, char *request, size_t n)
{
	const int fd = accept_one(b, listener);
	wait_readable(b, fd);
	const ssize_t got = recv(fd, request, n - 1, 0);
	assert_true(got > 0);
	request[got] = '\0';
	return fd;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

#endif
