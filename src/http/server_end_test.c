/* SPDX-License-Identifier: Apache-2.0 */
/* How connections end: by time, and when the server drains. */
#include "http/serverthread_fixture.h"

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
		cmocka_unit_test_setup_teardown(half_a_head_is_answered_408_and_silence_by_closing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(time_of_a_head_begins_anew_in_a_pipeline, setup,
						teardown),
		cmocka_unit_test_setup_teardown(idle_connection_is_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_that_takes_nothing_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(drain_closes_the_idle_and_finishes_the_busy, setup,
						teardown),
		cmocka_unit_test_setup_teardown(drain_cuts_what_is_left_at_the_deadline, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
