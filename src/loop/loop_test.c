/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/loop.h"

#define POSTERS    4
#define POSTS_EACH 2000

struct fixture {
	struct loop *l;
	struct loop_io *io;
	struct loop_timer *timer;
	int ends[2];
	int calls;
	unsigned events;
	uint64_t at_ms;
	int seen[POSTERS];
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	f->l = loop_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->ends), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_free(&f->l);
	assert_null(f->l);
	close(f->ends[0]);
	close(f->ends[1]);
	test_free(f);
	return 0;
}

static void on_io_stop(void *arg, unsigned events)
{
	struct fixture *f = arg;

	f->calls++;
	f->events = events;
	loop_stop(f->l);
}

static void io_reports_wanted_events_only(void **state)
{
	struct fixture *f = *state;

	f->io = loop_io_new(f->l, f->ends[0], on_io_stop, f);
	assert_int_equal(write(f->ends[1], "x", 1), 1);
	loop_io_want(f->io, LOOP_WRITE);
	loop_run(f->l);
	assert_int_equal(f->events, LOOP_WRITE);
	loop_io_want(f->io, LOOP_READ);
	loop_run(f->l);
	assert_int_equal(f->events, LOOP_READ);
	loop_io_want(f->io, LOOP_READ | LOOP_WRITE);
	loop_run(f->l);
	assert_int_equal(f->events, LOOP_READ | LOOP_WRITE);
	assert_int_equal(f->calls, 3);
	loop_io_free(&f->io);
	assert_null(f->io);
}

static void io_hang_up_wakes_reader(void **state)
{
	struct fixture *f = *state;

	f->io = loop_io_new(f->l, f->ends[0], on_io_stop, f);
	loop_io_want(f->io, LOOP_READ);
	shutdown(f->ends[1], SHUT_RDWR);
	loop_run(f->l);
	assert_true(f->events & LOOP_READ);
}

/* Frees its own handle in the callback and closes the descriptor at once; the other end, ready in
 * the same turn, must still be told. */
static void on_io_free_self(void *arg, unsigned events)
{
	struct fixture *f = arg;

	f->calls++;
	loop_io_free(&f->io);
	close(f->ends[0]);
	f->ends[0] = dup(f->ends[1]);
}

static void io_may_be_freed_in_its_callback(void **state)
{
	struct fixture *f = *state;

	f->io = loop_io_new(f->l, f->ends[0], on_io_free_self, f);
	struct loop_io *other = loop_io_new(f->l, f->ends[1], on_io_stop, f);
	loop_io_want(f->io, LOOP_WRITE);
	loop_io_want(other, LOOP_READ);
	loop_run(f->l);
	assert_int_equal(f->calls, 2);
}

/* Takes nothing from the socket: an edge-triggered handle must not be called again for it. */
static void on_io_note(void *arg, unsigned events)
{
	struct fixture *f = arg;

	f->calls++;
	f->events = events;
}

static void on_timer_quit(void *arg)
{
	struct fixture *f = arg;

	loop_stop(f->l);
}

static void run_turns(struct fixture *f, uint64_t ms)
{
	loop_timer_start(f->timer, ms, 0);
	loop_run(f->l);
}

static void io_of_news_only_is_told_each_arrival(void **state)
{
	struct fixture *f = *state;

	f->timer = loop_timer_new(f->l, on_timer_quit, f);
	f->io = loop_io_new(f->l, f->ends[0], on_io_note, f);
	loop_io_news_only(f->io);
	loop_io_want(f->io, LOOP_READ);
	assert_int_equal(write(f->ends[1], "x", 1), 1);
	run_turns(f, 5);
	/* Once as libuv has it, at most once more when the edge is armed. */
	assert_in_range(f->calls, 1, 2);
	int before = f->calls;
	run_turns(f, 5);
	assert_int_equal(f->calls, before);
	assert_int_equal(write(f->ends[1], "y", 1), 1);
	run_turns(f, 5);
	assert_int_equal(f->calls, before + 1);
	assert_int_equal(f->events, LOOP_READ);
	shutdown(f->ends[1], SHUT_WR);
	run_turns(f, 5);
	assert_int_equal(f->events, LOOP_READ | LOOP_HANGUP);
	/* Wanting something else and this again tells anew what is there. */
	before = f->calls;
	loop_io_want(f->io, 0);
	loop_io_want(f->io, LOOP_READ);
	run_turns(f, 5);
	assert_true(f->calls > before);
}

static void on_timer_stop(void *arg)
{
	struct fixture *f = arg;

	f->at_ms = loop_now_ms(f->l);
	if (++f->calls == 3) loop_stop(f->l);
}

static void timer_repeats_not_before_its_time(void **state)
{
	struct fixture *f = *state;

	f->timer = loop_timer_new(f->l, on_timer_stop, f);
	uint64_t start = loop_now_ms(f->l);
	loop_timer_start(f->timer, 3, 2);
	loop_run(f->l);
	assert_true(f->at_ms >= start + 7);
	loop_timer_stop(f->timer);
	loop_timer_free(&f->timer);
	assert_null(f->timer);
}

static void on_signal(void *arg)
{
	struct fixture *f = arg;

	f->calls++;
	loop_stop(f->l);
}

static void signal_reaches_the_loop(void **state)
{
	struct fixture *f = *state;

	loop_on_signal(f->l, SIGUSR1, on_signal, f);
	raise(SIGUSR1);
	loop_run(f->l);
	assert_int_equal(f->calls, 1);
}

struct chores {
	struct fixture *f;
	struct loop_chore *chore;
	int calls;
};

static void on_io_read(void *arg, unsigned events)
{
	struct fixture *f = arg;
	char byte;

	assert_int_equal(read(f->ends[0], &byte, 1), 1);
	f->calls++;
}

/* What it has written itself is seen before it is called again. */
static void on_chore(void *arg)
{
	struct chores *c = arg;

	assert_int_equal(c->f->calls, c->calls);
	if (++c->calls == 5) {
		loop_chore_stop(c->chore);
		loop_timer_start(c->f->timer, 20, 0);
	}
	assert_int_equal(write(c->f->ends[1], "x", 1), 1);
}

static void on_quiet(void *arg)
{
	struct fixture *f = arg;

	loop_stop(f->l);
}

static void chore_is_called_once_a_turn_until_it_is_stopped(void **state)
{
	struct fixture *f = *state;
	struct chores c = { .f = f };

	f->io = loop_io_new(f->l, f->ends[0], on_io_read, f);
	loop_io_want(f->io, LOOP_READ);
	f->timer = loop_timer_new(f->l, on_quiet, f);
	c.chore = loop_chore_new(f->l, on_chore, &c);
	loop_chore_start(c.chore);
	loop_chore_start(c.chore);
	loop_run(f->l);
	assert_int_equal(c.calls, 5);
	assert_int_equal(f->calls, 5);
	loop_chore_free(&c.chore);
	assert_null(c.chore);
	loop_chore_free(&c.chore);
}

struct posted {
	struct fixture *f;
	int poster, number;
};

static struct posted posts[POSTERS][POSTS_EACH];

static void on_post(void *arg)
{
	struct posted *p = arg;

	assert_int_equal(p->f->seen[p->poster], p->number);
	p->f->seen[p->poster]++;
	if (++p->f->calls == POSTERS * POSTS_EACH) loop_stop(p->f->l);
}

static void *poster_main(void *arg)
{
	struct posted *p = arg;

	for (int i = 0; i < POSTS_EACH; i++)
		loop_post(p[i].f->l, on_post, &p[i]);
	return NULL;
}

static void posts_run_in_order_of_each_thread(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[POSTERS];

	for (int t = 0; t < POSTERS; t++)
		for (int i = 0; i < POSTS_EACH; i++)
			posts[t][i] = (struct posted){ f, t, i };
	for (int t = 0; t < POSTERS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, poster_main, posts[t]), 0);
	loop_run(f->l);
	for (int t = 0; t < POSTERS; t++)
		pthread_join(threads[t], NULL);
	assert_int_equal(f->calls, POSTERS * POSTS_EACH);
}

static void count(void *arg)
{
	(*(int *)arg)++;
}

static void what_was_posted_runs_even_at_the_end(void **state)
{
	struct loop *l = loop_new();
	int calls = 0;

	loop_post(l, count, &calls);
	loop_post(l, count, &calls);
	loop_free(&l);
	assert_int_equal(calls, 2);
}

static void freeing_nothing_is_fine(void **state)
{
	struct loop *l = NULL;
	struct loop_io *io = NULL;
	struct loop_timer *t = NULL;

	loop_free(&l);
	loop_io_free(&io);
	loop_timer_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(io_reports_wanted_events_only, setup, teardown),
		cmocka_unit_test_setup_teardown(io_hang_up_wakes_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(io_may_be_freed_in_its_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(io_of_news_only_is_told_each_arrival, setup,
						teardown),
		cmocka_unit_test_setup_teardown(timer_repeats_not_before_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(chore_is_called_once_a_turn_until_it_is_stopped,
						setup, teardown),
		cmocka_unit_test_setup_teardown(signal_reaches_the_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(posts_run_in_order_of_each_thread, setup, teardown),
		cmocka_unit_test(what_was_posted_runs_even_at_the_end),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
