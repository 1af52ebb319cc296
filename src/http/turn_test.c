/* SPDX-License-Identifier: Apache-2.0 */
/* A server and its clients in one thread: what they send lies in the sockets before the loop turns. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/listener.h"
#include "http/server_fixture.h"

#define ASKED_MAX 1000

struct fixture {
	struct loop *loop;
	struct server *server;
	struct reply *reply;
	int listen_fd;
	char asked[ASKED_MAX]; /* the first letters of the paths, as they were handled */
	size_t asked_n, stop_at;
};

static void handle(struct exchange *x, void *arg)
{
	struct fixture *f = arg;

	exchange_send(x, f->reply);
	if (x->head.path.p[1] == 'w')
		for (const uint64_t end = clock_mono_us() + 500; clock_mono_us() < end;)
			;
	assert_true(f->asked_n < ASKED_MAX);
	f->asked[f->asked_n++] = x->head.path.p[1];
	if (f->asked_n == f->stop_at) loop_stop(f->loop);
}

static int setup(void **state)
{
	struct server_options options = SERVER_FIXTURE_OPTIONS;
	struct fixture *f = test_calloc(1, sizeof *f);
	struct mg_err err;

	f->loop = loop_new();
	f->reply = reply_new(&(struct reply_spec){ .status = 200,
						   .content_type = SPAN("text/plain"),
						   .last_modified = -1,
						   .body = SPAN("hello"),
						   .request_id_at = -1 });
	assert_int_equal(listener_open(SPAN("127.0.0.1:0"), false, &f->listen_fd, &err), MG_OK);
	f->server = server_new(f->loop, &(struct server_listener){ .fd = f->listen_fd }, 1,
			       &options, handle, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	server_free(&f->server);
	loop_free(&f->loop);
	reply_unref(&f->reply);
	close(f->listen_fd);
	test_free(f);
	return 0;
}

static int dial(struct fixture *f)
{
	struct sockaddr_in to;
	socklen_t size = sizeof to;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&to, &size), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, size), 0);
	return fd;
}

static void ask(int fd, const char *path, int times)
{
	char text[32 << 10];
	size_t n = 0;

	for (int i = 0; i < times; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
				      "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
	assert_true(n < sizeof text);
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* Until so many more requests are handled. */
static void turn(struct fixture *f, size_t n)
{
	f->stop_at = f->asked_n + n;
	loop_run(f->loop);
}

static size_t place_of(const struct fixture *f, char path)
{
	const char *at = memchr(f->asked, path, f->asked_n);

	assert_non_null(at);
	return (size_t)(at - f->asked);
}

/* A connection that has asked something before. */
static int acquaintance(struct fixture *f)
{
	const int fd = dial(f);

	ask(fd, "/", 1);
	turn(f, 1);
	return fd;
}

static void who_sends_much_is_heard_by_the_portion(void **state)
{
	struct fixture *f = *state;
	const int much = acquaintance(f), little = acquaintance(f);

	ask(much, "/much", 500);
	ask(little, "/little", 1);
	turn(f, 501);
	assert_in_range(place_of(f, 'l'), 2 + 1, 2 + 200);
	close(much);
	close(little);
}

static void who_is_new_comes_behind_those_who_are_known(void **state)
{
	struct fixture *f = *state;
	int fresh[5];
	const int known = acquaintance(f);

	for (int i = 0; i < 5; i++)
		fresh[i] = dial(f);
	/* They are accepted in the turn of this, or before. */
	ask(known, "/", 1);
	turn(f, 1);
	for (int i = 0; i < 5; i++)
		ask(fresh[i], "/new", 1);
	ask(known, "/known", 1);
	turn(f, 6);
	assert_int_equal(place_of(f, 'k'), 2);
	assert_int_equal(f->asked[f->asked_n - 1], 'n');
	for (int i = 0; i < 5; i++)
		close(fresh[i]);
	close(known);
}

/* They take 6 ms for each 4 KiB, and never come to an end before all who are new have been heard. */
static void who_is_known_leaves_time_to_those_who_are_new(void **state)
{
	struct fixture *f = *state;
	int fresh[24], known[4];
	char work[290];

	memset(work, 'w', sizeof work);
	work[0] = '/';
	work[sizeof work - 1] = '\0';
	for (int i = 0; i < 4; i++)
		known[i] = acquaintance(f);
	for (int i = 0; i < 24; i++)
		fresh[i] = dial(f);
	for (int i = 0; i < 4; i++) {
		ask(known[i], "/", 1);
		turn(f, 1);
	}
	const size_t before = f->asked_n;
	for (int i = 0; i < 4; i++)
		ask(known[i], work, 100);
	for (int i = 0; i < 24; i++)
		ask(fresh[i], "/new", 1);
	turn(f, 4 * 100 + 24);
	size_t last = f->asked_n - 1;
	while (f->asked[last] != 'n')
		last--;
	assert_in_range(last - before, 24, 4 * 50 + 24);
	for (int i = 0; i < 24; i++)
		close(fresh[i]);
	for (int i = 0; i < 4; i++)
		close(known[i]);
}

static void nobody_is_forgotten(void **state)
{
	struct fixture *f = *state;
	int fds[64];

	for (int i = 0; i < 64; i++) {
		fds[i] = dial(f);
		ask(fds[i], "/x", 1 + i % 3);
		/* Its end comes with the request. */
		if (i % 2 == 0) shutdown(fds[i], SHUT_WR);
	}
	turn(f, 64 + 63);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_sends_much_is_heard_by_the_portion, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_is_new_comes_behind_those_who_are_known, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_is_known_leaves_time_to_those_who_are_new,
						setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_forgotten, setup, teardown),
	};

	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
