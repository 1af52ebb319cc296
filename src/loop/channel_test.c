/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/channel.h"

struct side {
	struct fixture *f;
	struct channel *ch;
	size_t messages, bytes;
	int closed;
	int kept_fd;
	bool free_on_message, free_on_close, keep_fds;
	size_t stop_at;
	char last[32];
};

struct fixture {
	struct loop *l;
	int ends[2];
	struct side a, b;
	size_t fds_before;
};

static size_t open_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0) n++;
	return n;
}

static void on_message(void *arg, struct mg_span m, int *fds, size_t fd_count)
{
	struct side *s = arg;

	s->messages++;
	s->bytes += m.n;
	snprintf(s->last, sizeof s->last, "%.*s", (int)(m.n < 20 ? m.n : 20), m.p);
	if (fd_count > 0 && s->keep_fds) {
		s->kept_fd = fds[0];
		fds[0] = -1;
	}
	if (s->free_on_message) channel_free(&s->ch);
	if (s->messages == s->stop_at) loop_stop(s->f->l);
}

static void on_closed(void *arg)
{
	struct side *s = arg;

	s->closed++;
	if (s->free_on_close) channel_free(&s->ch);
	loop_stop(s->f->l);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	f->fds_before = open_fds();
	f->l = loop_new();
	assert_int_equal(channel_pair(f->ends), 0);
	f->a = f->b = (struct side){ .f = f, .kept_fd = -1 };
	f->a.ch = channel_new(f->l, f->ends[0], on_message, on_closed, &f->a);
	f->b.ch = channel_new(f->l, f->ends[1], on_message, on_closed, &f->b);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	channel_free(&f->a.ch);
	channel_free(&f->b.ch);
	loop_free(&f->l);
	if (f->a.kept_fd >= 0) close(f->a.kept_fd);
	if (f->b.kept_fd >= 0) close(f->b.kept_fd);
	assert_int_equal(open_fds(), f->fds_before);
	test_free(f);
	return 0;
}

static void message_arrives_whole(void **state)
{
	struct fixture *f = *state;

	f->b.stop_at = 2;
	channel_send(f->a.ch, SPAN("hello"), NULL, 0);
	channel_send(f->a.ch, SPAN("you"), NULL, 0);
	loop_run(f->l);
	assert_int_equal(f->b.bytes, 8);
	assert_string_equal(f->b.last, "you");
}

static void queue_holds_what_the_socket_does_not_take(void **state)
{
	struct fixture *f = *state;
	char *big = test_calloc(1, CHANNEL_MESSAGE_MAX);
	int pipe_ends[2];

	assert_int_equal(pipe(pipe_ends), 0);
	f->b.stop_at = 51;
	f->b.keep_fds = true;
	for (int i = 0; i < 50; i++)
		channel_send(f->a.ch, span_make(big, CHANNEL_MESSAGE_MAX), NULL, 0);
	channel_send(f->a.ch, SPAN("last"), &pipe_ends[1], 1);
	close(pipe_ends[1]);
	loop_run(f->l);
	assert_int_equal(f->b.messages, 51);
	assert_int_equal(f->b.bytes, 50 * (size_t)CHANNEL_MESSAGE_MAX + 4);
	assert_string_equal(f->b.last, "last");
	assert_int_equal(write(f->b.kept_fd, "x", 1), 1);
	char c;
	assert_int_equal(read(pipe_ends[0], &c, 1), 1);
	close(pipe_ends[0]);
	test_free(big);
}

static void fds_nobody_takes_are_closed(void **state)
{
	struct fixture *f = *state;
	int fds[CHANNEL_FDS_MAX];

	for (int i = 0; i < CHANNEL_FDS_MAX; i++)
		fds[i] = dup(2);
	f->b.stop_at = 1;
	channel_send(f->a.ch, SPAN("take these"), fds, CHANNEL_FDS_MAX);
	for (int i = 0; i < CHANNEL_FDS_MAX; i++)
		close(fds[i]);
	loop_run(f->l);
	assert_int_equal(f->b.messages, 1);
}

static void a_peer_that_reads_nothing_is_cut(void **state)
{
	struct fixture *f = *state;
	char *big = test_calloc(1, CHANNEL_MESSAGE_MAX);

	channel_free(&f->b.ch);
	int ends[2];
	assert_int_equal(channel_pair(ends), 0);
	channel_free(&f->a.ch);
	f->a.ch = channel_new(f->l, ends[0], on_message, on_closed, &f->a);
	for (int i = 0; i < 1000; i++)
		channel_send(f->a.ch, span_make(big, CHANNEL_MESSAGE_MAX), NULL, 0);
	assert_int_equal(f->a.closed, 0);
	loop_run(f->l);
	assert_int_equal(f->a.closed, 1);
	channel_send(f->a.ch, SPAN("swallowed"), NULL, 0);
	close(ends[1]);
	test_free(big);
}

static void end_comes_once_after_the_last_message(void **state)
{
	struct fixture *f = *state;

	channel_send(f->a.ch, SPAN("one"), NULL, 0);
	channel_free(&f->a.ch);
	loop_run(f->l);
	assert_int_equal(f->b.messages, 1);
	assert_int_equal(f->b.closed, 1);
	channel_send(f->b.ch, SPAN("nobody"), NULL, 0);
}

/* The peer left bytes unread when it died: the socket has an error pending besides the message. */
static void end_comes_though_the_peer_left_unread_messages(void **state)
{
	struct fixture *f = *state;

	channel_send(f->a.ch, SPAN("one"), NULL, 0);
	channel_send(f->b.ch, SPAN("unread"), NULL, 0);
	channel_free(&f->a.ch);
	loop_run(f->l);
	assert_int_equal(f->b.closed, 1);
}

static void may_be_freed_in_its_callbacks(void **state)
{
	struct fixture *f = *state;

	f->b.free_on_message = true;
	f->a.free_on_close = true;
	channel_send(f->a.ch, SPAN("one"), NULL, 0);
	channel_send(f->a.ch, SPAN("two"), NULL, 0);
	loop_run(f->l);
	assert_int_equal(f->b.messages, 1);
	assert_null(f->b.ch);
	assert_int_equal(f->a.closed, 1);
	assert_null(f->a.ch);
}

/* libuv opens descriptors for the process with its first loop; they are not to be counted. */
static int warm_up(void **state)
{
	struct loop *l = loop_new();

	loop_free(&l);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(message_arrives_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(queue_holds_what_the_socket_does_not_take, setup,
						teardown),
		cmocka_unit_test_setup_teardown(fds_nobody_takes_are_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_peer_that_reads_nothing_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(end_comes_once_after_the_last_message, setup,
						teardown),
		cmocka_unit_test_setup_teardown(end_comes_though_the_peer_left_unread_messages,
						setup, teardown),
		cmocka_unit_test_setup_teardown(may_be_freed_in_its_callbacks, setup, teardown),
	};

	return cmocka_run_group_tests_name("channel", tests, warm_up, NULL);
}
