/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads through a server on a loop thread, blocking clients in the test's thread; fetch's part is the
 * test's too. */
#include "serve/download.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fetch/watermark.h"
#include "http/listener.h"
#include "http/server_fixture.h"

#define SIZE (3u << 20)

struct bench {
	struct loop *loop;
	struct lane *lane;
	struct server *server;
	struct server_options options;
	pthread_t thread;
	int listen_fd, file_fd;
	struct watermark *mark; /* as fetch writes it */
	struct download *download;
	sem_t idle;
	bool refreshed;
};

static char content[SIZE];

/* --- the loop's thread --- */

static void handle(struct exchange *x, void *arg)
{
	struct bench *b = arg;
	assert_true(download_suits(&x->head));
	if (b->download != NULL) {
		download_send(b->download, x);
		return;
	}
	struct reply *r = reply_new(
		&(struct reply_spec){ .status = 404, .last_modified = -1, .request_id_at = -1 });
	exchange_send(x, r);
	reply_unref(&r);
}

static void on_idle(void *arg)
{
	struct bench *b = arg;
	sem_post(&b->idle);
}

static void refresh(struct bench *b)
{
	b->refreshed = download_refresh(b->download);
}

static void end_well(struct bench *b)
{
	download_end(&b->download, true);
}

static void end_badly(struct bench *b)
{
	download_end(&b->download, false);
}

static void stop(struct bench *b)
{
	server_free(&b->server);
	download_end(&b->download, false);
	loop_stop(b->loop);
}

static size_t connections;
static bool busy;
static void look(struct bench *b)
{
	connections = server_connections(b->server);
	busy = download_busy(b->download);
}

/* --- the test's thread --- */

struct errand {
	struct bench *b;
	void (*fn)(struct bench *b);
	sem_t done;
};

static void on_errand(void *arg)
{
	struct errand *e = arg;
	e->fn(e->b);
	sem_post(&e->done);
}

static void wait_on(sem_t *s)
{
	while (sem_wait(s) != 0)
		assert_int_equal(errno, EINTR);
}

static void on_loop(struct bench *b, void (*fn)(struct bench *b))
{
	struct errand e = { .b = b, .fn = fn };
	sem_init(&e.done, 0, 0);
	loop_post(b->loop, on_errand, &e);
	wait_on(&e.done);
	sem_destroy(&e.done);
}

static void wait_until_connected(struct bench *b, size_t n)
{
	const uint64_t end_ms = clock_mono_ms() + 20000;
	do {
		assert_true(clock_mono_ms() < end_ms);
		on_loop(b, look);
	} while (connections != n);
}

static void *run(void *arg)
{
	struct bench *b = arg;
	loop_run(b->loop);
	return NULL;
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct mg_err err;
	int fds[2];
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 31 + i / 1009);
	b->file_fd = memfd_create("file", MFD_CLOEXEC);
	fds[0] = dup(b->file_fd);
	assert_int_equal(watermark_new(&b->mark, &fds[1], &err), MG_OK);
	b->download = download_new(SIZE, fds, on_idle, b);
	assert_non_null(b->download);
	assert_int_equal(fds[0], -1);
	close(fds[1]);
	sem_init(&b->idle, 0, 0);
	b->loop = loop_new();
	b->lane = lane_new("fs", 1, 8, 0);
	b->options = SERVER_FIXTURE_OPTIONS;
	b->options.fs_lane = b->lane;
	b->options.stall_timeout_ms = 200;
	assert_int_equal(listener_open(SPAN("127.0.0.1:0"), false, &b->listen_fd, &err), MG_OK);
	b->server = server_new(b->loop, &(struct server_listener){ .fd = b->listen_fd }, 1,
			       &b->options, handle, b);
	assert_int_equal(pthread_create(&b->thread, NULL, run, b), 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	on_loop(b, stop);
	pthread_join(b->thread, NULL);
	lane_free(&b->lane);
	loop_free(&b->loop);
	watermark_free(&b->mark);
	sem_destroy(&b->idle);
	close(b->file_fd);
	close(b->listen_fd);
	free(b);
	return 0;
}

static int ask(struct bench *b)
{
	struct sockaddr_in to;
	socklen_t size = sizeof to;
	const struct timeval limit = { .tv_sec = 20 };
	const char *text = "GET /x.zip HTTP/1.1\r\nHost: t\r\n\r\n";
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(getsockname(b->listen_fd, (struct sockaddr *)&to, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, size), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	return fd;
}

static void hear_head(int fd, const char *want)
{
	char head[2048];
	size_t n = 0;
	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n + 1 < sizeof head);
		assert_int_equal(recv(fd, head + n, 1, 0), 1);
		n++;
	}
	head[n] = '\0';
	if (strstr(head, want) == NULL) fail_msg("no %s in %s", want, head);
	assert_null(strstr(head, "ETag"));
}

/* The next bytes must be content's [from, to). */
static void hear(int fd, size_t from, size_t to)
{
	char block[16384];
	while (from < to) {
		const size_t want = to - from < sizeof block ? to - from : sizeof block;
		const ssize_t n = recv(fd, block, want, 0);
		assert_true(n > 0);
		assert_memory_equal(block, content + from, (size_t)n);
		from += (size_t)n;
	}
}

static bool silent(int fd)
{
	char c;
	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool was_reset(int fd)
{
	char c;
	return recv(fd, &c, 1, 0) < 0 && errno == ECONNRESET;
}

/* Fetch has written the file up to here; all of it but the last bytes may be read. */
static void write_to(struct bench *b, size_t to)
{
	assert_int_equal(pwrite(b->file_fd, content, to, 0), (ssize_t)to);
	watermark_set(b->mark, to);
	on_loop(b, refresh);
	assert_true(b->refreshed);
}

static void comes_as_it_grows(void **state)
{
	struct bench *b = *state;
	const int first = ask(b);
	hear_head(first, "Content-Length: 3145728\r\n");
	write_to(b, 1000);
	hear(first, 0, 1000);
	assert_true(silent(first));
	const int second = ask(b);
	hear_head(second, "Accept-Ranges: bytes\r\n");
	hear(second, 0, 1000);
	write_to(b, 2000000);
	hear(first, 1000, 2000000);
	assert_int_equal(pwrite(b->file_fd, content, SIZE, 0), SIZE);
	on_loop(b, end_well);
	hear(second, 1000, SIZE);
	hear(first, 2000000, SIZE);
	close(first);
	close(second);
}

static void what_turns_out_bad_is_cut(void **state)
{
	struct bench *b = *state;
	const int waiting_one = ask(b), slow = ask(b);
	hear_head(waiting_one, "200 OK");
	hear_head(slow, "200 OK");
	write_to(b, SIZE - 1);
	hear(waiting_one, 0, SIZE - 1);
	on_loop(b, end_badly);
	assert_true(was_reset(waiting_one));
	/* This one still has some to take; it must not get the last byte. */
	char block[65536];
	size_t got = 0;
	ssize_t n;
	while ((n = recv(slow, block, sizeof block, 0)) > 0)
		got += (size_t)n;
	assert_true(got < SIZE);
	close(waiting_one);
	close(slow);
}

static void a_cut_watermark_is_told(void **state)
{
	struct bench *b = *state;
	watermark_set(b->mark, WATERMARK_CUT);
	on_loop(b, refresh);
	assert_false(b->refreshed);
}

/* The flight ends well with what another origin had, before anybody has heard of the cut. */
static void what_was_cut_is_not_completed_by_a_good_end(void **state)
{
	struct bench *b = *state;
	const int one = ask(b);
	hear_head(one, "200 OK");
	write_to(b, SIZE - 1);
	hear(one, 0, SIZE - 1);
	assert_int_equal(pwrite(b->file_fd, content, SIZE, 0), SIZE);
	watermark_set(b->mark, WATERMARK_CUT);
	on_loop(b, end_well);
	assert_true(was_reset(one));
	close(one);
}

static void who_leaves_while_waiting_is_noticed(void **state)
{
	struct bench *b = *state;
	const int one = ask(b), two = ask(b);
	hear_head(one, "200 OK");
	hear_head(two, "200 OK");
	write_to(b, 10);
	hear(two, 0, 10);
	close(one);
	wait_until_connected(b, 1);
	assert_true(busy);
	close(two);
	wait_on(&b->idle);
	on_loop(b, look);
	assert_false(busy);
}

static void waiting_for_more_is_no_stall_and_requests_wait_behind(void **state)
{
	struct bench *b = *state;
	const int fd = ask(b);
	hear_head(fd, "200 OK");
	const char *next = "GET /x.zip HTTP/1.1\r\nHost: t\r\n\r\n";
	assert_int_equal(send(fd, next, strlen(next), MSG_NOSIGNAL), (ssize_t)strlen(next));
	usleep(600 * 1000); /* thrice the time for which a peer may take nothing */
	write_to(b, 10);
	hear(fd, 0, 10);
	assert_true(silent(fd));
	assert_int_equal(pwrite(b->file_fd, content, SIZE, 0), SIZE);
	on_loop(b, end_well);
	hear(fd, 10, SIZE);
	hear_head(fd, "404");
	close(fd);
}

static void what_is_no_stream_is_refused(void **state)
{
	int pipe_ends[2];
	assert_int_equal(pipe(pipe_ends), 0);
	int fds[2] = { pipe_ends[0], pipe_ends[1] };
	assert_null(download_new(10, fds, NULL, NULL));
	fds[0] = memfd_create("file", MFD_CLOEXEC);
	assert_null(download_new(10, fds, NULL, NULL));
	close(fds[0]);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void what_depends_on_the_proof_has_to_wait(void **state)
{
	struct head h = { .method = HEAD_GET };
	assert_true(download_suits(&h));
	h.field[HEAD_FIELD_RANGE] = SPAN("bytes=0-");
	assert_false(download_suits(&h));
	h = (struct head){ .method = HEAD_GET };
	h.field[HEAD_FIELD_IF_RANGE] = SPAN("\"x\"");
	assert_false(download_suits(&h));
	h = (struct head){ .method = HEAD_GET };
	h.field[HEAD_FIELD_IF_NONE_MATCH] = SPAN("*");
	assert_false(download_suits(&h));
	h = (struct head){ .method = HEAD_HEAD };
	assert_false(download_suits(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_as_it_grows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_turns_out_bad_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cut_watermark_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_cut_is_not_completed_by_a_good_end, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(who_leaves_while_waiting_is_noticed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			waiting_for_more_is_no_stall_and_requests_wait_behind, set_up, tear_down),
		cmocka_unit_test(what_is_no_stream_is_refused),
		cmocka_unit_test(what_depends_on_the_proof_has_to_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
