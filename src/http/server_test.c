/* SPDX-License-Identifier: Apache-2.0 */
/* A server on a loop thread, blocking clients in the test's thread. */
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

static void release_file(struct reply_file *f)
{
	close(f->fd);
	free(f);
}

static struct reply *reply_of(struct mg_span body, struct reply_file *file)
{
	return reply_new(&(struct reply_spec){ .status = 200,
					       .content_type = SPAN("text/plain"),
					       .etag = SPAN("\"v\""),
					       .last_modified = -1,
					       .body = body,
					       .file = file,
					       .request_id_at = -1 });
}

static void make_replies(struct fixture *f)
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

static void on_gone(struct exchange *x)
{
	struct fixture *f = x->user;

	f->gone++;
	sem_post(&f->event);
}

static void handle(struct exchange *x, void *arg)
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

static void *run(void *arg)
{
	struct fixture *f = arg;

	loop_run(f->loop);
	return NULL;
}

static void start(struct fixture *f)
{
	f->options.fs_lane = f->lane;
	f->server = server_new(f->loop, &(struct server_listener){ .fd = f->listen_fd }, 1,
			       &f->options, handle, f);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static int setup(void **state)
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

static void wait_event(struct fixture *f)
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

static void on_errand(void *arg)
{
	struct errand *e = arg;

	e->fn(e->f);
	sem_post(&e->done);
}

static void on_loop(struct fixture *f, void (*fn)(struct fixture *f))
{
	struct errand e = { .f = f, .fn = fn };

	sem_init(&e.done, 0, 0);
	loop_post(f->loop, on_errand, &e);
	while (sem_wait(&e.done) != 0)
		assert_int_equal(errno, EINTR);
	sem_destroy(&e.done);
}

static void stop_loop(struct fixture *f)
{
	server_free(&f->server);
	loop_stop(f->loop);
}

static int teardown(void **state)
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

static int dial(struct fixture *f)
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

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void ask(int fd, const char *path)
{
	char text[256];

	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
	say(fd, text);
}

/* Reads an answer; returns its status, its body of at most cap - 1 bytes (cut) in body. */
static int hear(int fd, char *body, size_t cap, size_t *body_n)
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

static void expect(int fd, const char *want)
{
	char body[256];
	size_t n;

	assert_int_equal(hear(fd, body, sizeof body, &n), 200);
	assert_string_equal(body, want);
}

static bool ended(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0;
}

static void wake_all(struct fixture *f)
{
	for (unsigned i = 0; i < f->parked_n; i++)
		exchange_send(f->parked[i], f->hello);
	f->parked_n = 0;
}

static void answers_and_keeps_the_connection(void **state)
{
	struct fixture *f = *state;
	char me[64];
	struct sockaddr_in own;
	socklen_t size = sizeof own;

	start(f);
	int fd = dial(f);
	ask(fd, "/hello");
	expect(fd, "hello");
	getsockname(fd, (struct sockaddr *)&own, &size);
	snprintf(me, sizeof me, "127.0.0.1:%u", ntohs(own.sin_port));
	ask(fd, "/peer");
	expect(fd, me);
	close(fd);
}

static void parked_request_holds_back_the_ones_behind_it(void **state)
{
	struct fixture *f = *state;

	start(f);
	int fd = dial(f);
	say(fd, "GET /park HTTP/1.1\r\nHost: t\r\n\r\nGET /hello HTTP/1.1\r\nHost: t\r\n\r\nGET /");
	wait_event(f);
	say(fd, "hello HTTP/1.1\r\nHost: t\r\n\r\n");
	int other = dial(f);
	ask(other, "/hello");
	expect(other, "hello");
	on_loop(f, wake_all);
	for (int i = 0; i < 3; i++)
		expect(fd, "hello");
	assert_int_equal(f->requests, 4);
	close(fd);
	close(other);
}

static void departure_of_a_parked_client_is_told_once(void **state)
{
	struct fixture *f = *state;

	start(f);
	int fd = dial(f);
	ask(fd, "/park");
	wait_event(f);
	close(fd);
	wait_event(f);
	assert_int_equal(f->gone, 1);
}

static void nothing(struct fixture *f)
{
	f->connections = server_connections(f->server);
}

static void answer_to_a_client_that_left_goes_nowhere(void **state)
{
	struct fixture *f = *state;

	f->deaf = true;
	start(f);
	int fd = dial(f);
	ask(fd, "/park");
	wait_event(f);
	close(fd);
	do
		on_loop(f, nothing);
	while (f->connections > 0);
	on_loop(f, wake_all);
}

static void parked_clients_are_told_when_the_server_ends(void **state)
{
	struct fixture *f = *state;

	start(f);
	int fd = dial(f);
	ask(fd, "/park");
	wait_event(f);
	on_loop(f, stop_loop);
	pthread_join(f->thread, NULL);
	assert_int_equal(f->gone, 1);
	assert_true(ended(fd));
	close(fd);
	start(f);
}

static void large_bodies_arrive_whole(void **state)
{
	struct fixture *f = *state;
	static const char *const paths[] = { "/big", "/file" };
	size_t n;

	start(f);
	int fd = dial(f);
	for (int round = 0; round < 4; round++) {
		ask(fd, paths[round % 2]);
		assert_int_equal(hear(fd, NULL, 0, &n), 200);
		assert_int_equal(n, 4 << 20);
	}
	close(fd);
}

/* The whole lane, held until the test lets go. */
struct hold {
	sem_t held, release;
};

static void run_hold(void *job)
{
	struct hold *h = job;

	sem_post(&h->held);
	while (sem_wait(&h->release) != 0)
		continue;
}

static void on_held(void *job, bool ran)
{
}

/* A file of 4 MiB whose pages are not in memory; -1 where the file system keeps them there. */
static int cold_file(void)
{
	static const char block[64 << 10] = "cold";
	char path[] = "./server_test.XXXXXX", first;
	struct iovec iov = { .iov_base = &first, .iov_len = 1 };
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0) return -1;
	unlink(path);
	for (int i = 0; i < 64; i++)
		assert_int_equal(write(fd, block, sizeof block), sizeof block);
	if (fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
	    preadv2(fd, &iov, 1, 0, RWF_NOWAIT) < 0 && errno == EAGAIN)
		return fd;
	close(fd);
	return -1;
}

static void disk_is_waited_for_on_the_lane_only(void **state)
{
	struct fixture *f = *state;
	struct hold hold;
	size_t n;
	int cold = cold_file();

	if (cold < 0) {
		start(f);
		print_message("no cold pages on this file system\n");
		return;
	}
	struct reply_file *file = calloc(1, sizeof *file);
	*file = (struct reply_file){ .fd = cold, .size = 4 << 20, .release = release_file };
	reply_unref(&f->file);
	f->file = reply_of((struct mg_span){ 0 }, file);
	sem_init(&hold.held, 0, 0);
	sem_init(&hold.release, 0, 0);
	start(f);
	assert_true(lane_submit(f->lane, f->loop, run_hold, on_held, &hold));
	sem_wait(&hold.held);
	int waits = dial(f), leaves = dial(f), other = dial(f);
	ask(waits, "/file");
	ask(leaves, "/file");
	while (lane_waiting(f->lane) < 2) {
		ask(other, "/hello");
		expect(other, "hello");
	}
	close(leaves);
	sem_post(&hold.release);
	assert_int_equal(hear(waits, NULL, 0, &n), 200);
	assert_int_equal(n, 4 << 20);
	close(waits);
	close(other);
	sem_destroy(&hold.held);
	sem_destroy(&hold.release);
}

static void half_a_head_is_answered_408_and_silence_by_closing(void **state)
{
	struct fixture *f = *state;
	size_t n;
	char body[256];

	f->options.header_timeout_ms = 20;
	start(f);
	int half = dial(f), silent = dial(f);
	say(half, "GET / HTTP/1.1\r\nHo");
	assert_int_equal(hear(half, body, sizeof body, &n), 408);
	assert_non_null(strstr(body, "timeout: "));
	assert_true(ended(half));
	assert_true(ended(silent));
	close(half);
	close(silent);
}

static void time_of_a_head_begins_anew_in_a_pipeline(void **state)
{
	struct fixture *f = *state;

	f->options.header_timeout_ms = 1000;
	start(f);
	int fd = dial(f);
	uint64_t end = clock_mono_ms() + 2500;
	say(fd, "GET /he");
	while (clock_mono_ms() < end) {
		say(fd, "llo HTTP/1.1\r\nHost: t\r\n\r\nGET /he");
		expect(fd, "hello");
	}
	close(fd);
}

static void idle_connection_is_closed(void **state)
{
	struct fixture *f = *state;

	f->options.idle_timeout_ms = 20;
	start(f);
	int fd = dial(f);
	ask(fd, "/hello");
	expect(fd, "hello");
	assert_true(ended(fd));
	close(fd);
}

static void peer_that_takes_nothing_is_cut(void **state)
{
	struct fixture *f = *state;
	char block[65536];
	int small = 4096;
	ssize_t n;
	size_t total = 0;

	f->options.stall_timeout_ms = 30;
	start(f);
	int fd = dial(f);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	for (int i = 0; i < 4; i++)
		ask(fd, "/big");
	do
		on_loop(f, nothing);
	while (f->connections > 0);
	while ((n = recv(fd, block, sizeof block, 0)) > 0)
		total += (size_t)n;
	assert_true(total < (16u << 20));
	close(fd);
}

static void connections_beyond_the_maximum_wait(void **state)
{
	struct fixture *f = *state;

	f->options.max_connections = 2;
	start(f);
	int a = dial(f), b = dial(f);
	ask(a, "/hello");
	ask(b, "/hello");
	expect(a, "hello");
	expect(b, "hello");
	int c = dial(f);
	ask(c, "/hello");
	on_loop(f, nothing);
	assert_int_equal(f->connections, 2);
	close(a);
	expect(c, "hello");
	close(b);
	close(c);
}

static void on_drained(void *arg)
{
	struct fixture *f = arg;

	sem_post(&f->event);
}

static void drain(struct fixture *f)
{
	server_drain(f->server, f->drain_ms, on_drained, f);
}

static void drain_closes_the_idle_and_finishes_the_busy(void **state)
{
	struct fixture *f = *state;
	char body[64];
	size_t n;

	start(f);
	int idle = dial(f), busy = dial(f), fresh = dial(f), begun = dial(f), late = dial(f);
	ask(idle, "/hello");
	expect(idle, "hello");
	say(begun, "GET /hello HTTP/1.1\r\n");
	ask(busy, "/park");
	wait_event(f);
	do
		on_loop(f, nothing);
	while (f->connections < 5);
	/* One round trip more, so that the half head is surely read. */
	int last = dial(f);
	ask(last, "/hello");
	expect(last, "hello");
	close(last);
	f->drain_ms = 60000;
	on_loop(f, drain);
	assert_true(ended(idle));
	/* Its request was on the way. */
	ask(late, "/hello");
	expect(late, "hello");
	assert_true(ended(late));
	say(begun, "Host: t\r\n\r\n");
	assert_int_equal(hear(begun, body, sizeof body, &n), 200);
	assert_true(ended(begun));
	on_loop(f, wake_all);
	assert_int_equal(hear(busy, body, sizeof body, &n), 200);
	assert_true(ended(busy));
	/* It never asks. */
	assert_true(ended(fresh));
	wait_event(f);
	close(idle);
	close(busy);
	close(fresh);
	close(begun);
	close(late);
}

static void drain_cuts_what_is_left_at_the_deadline(void **state)
{
	struct fixture *f = *state;

	start(f);
	int fd = dial(f);
	ask(fd, "/park");
	wait_event(f);
	f->drain_ms = 10;
	on_loop(f, drain);
	wait_event(f);
	wait_event(f);
	assert_int_equal(f->gone, 1);
	assert_true(ended(fd));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_and_keeps_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(parked_request_holds_back_the_ones_behind_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(departure_of_a_parked_client_is_told_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answer_to_a_client_that_left_goes_nowhere, setup,
						teardown),
		cmocka_unit_test_setup_teardown(parked_clients_are_told_when_the_server_ends, setup,
						teardown),
		cmocka_unit_test_setup_teardown(large_bodies_arrive_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_is_waited_for_on_the_lane_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(half_a_head_is_answered_408_and_silence_by_closing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(time_of_a_head_begins_anew_in_a_pipeline, setup,
						teardown),
		cmocka_unit_test_setup_teardown(idle_connection_is_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_that_takes_nothing_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(connections_beyond_the_maximum_wait, setup,
						teardown),
		cmocka_unit_test_setup_teardown(drain_closes_the_idle_and_finishes_the_busy, setup,
						teardown),
		cmocka_unit_test_setup_teardown(drain_cuts_what_is_left_at_the_deadline, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
