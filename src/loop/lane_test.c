/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "loop/lane.h"

#define JOBS 500

struct fixture {
	struct loop *l;
	struct lane *lane;
	pthread_barrier_t started, release;
	atomic_int ran;
	int done_ran, done_dropped, stop_at;
	bool wrong_thread;
	pthread_t loop_thread;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	f->l = loop_new();
	f->loop_thread = pthread_self();
	pthread_barrier_init(&f->started, NULL, 2);
	pthread_barrier_init(&f->release, NULL, 2);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lane_free(&f->lane);
	assert_null(f->lane);
	loop_free(&f->l);
	pthread_barrier_destroy(&f->started);
	pthread_barrier_destroy(&f->release);
	test_free(f);
	return 0;
}

static void run_count(void *job)
{
	struct fixture *f = job;

	if (pthread_equal(pthread_self(), f->loop_thread)) f->wrong_thread = true;
	atomic_fetch_add(&f->ran, 1);
}

/* Holds its thread until the test lets go. */
static void run_hang(void *job)
{
	struct fixture *f = job;

	pthread_barrier_wait(&f->started);
	pthread_barrier_wait(&f->release);
	atomic_fetch_add(&f->ran, 1);
}

static void on_done(void *job, bool ran)
{
	struct fixture *f = job;

	if (!pthread_equal(pthread_self(), f->loop_thread)) f->wrong_thread = true;
	if (ran)
		f->done_ran++;
	else
		f->done_dropped++;
	if (f->done_ran + f->done_dropped == f->stop_at) loop_stop(f->l);
}

static void runs_each_job_once_and_tells_the_loop(void **state)
{
	struct fixture *f = *state;

	f->lane = lane_new("test", 4, JOBS, 0);
	f->stop_at = JOBS;
	for (int i = 0; i < JOBS; i++)
		assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
	loop_run(f->l);
	assert_int_equal(atomic_load(&f->ran), JOBS);
	assert_int_equal(f->done_ran, JOBS);
	assert_false(f->wrong_thread);
	assert_in_range(lane_threads(f->lane), 1, 4);
	assert_int_equal(lane_waiting(f->lane), 0);
}

static void refuses_when_the_queue_is_full(void **state)
{
	struct fixture *f = *state;

	f->lane = lane_new("test", 1, 2, 0);
	f->stop_at = 3;
	assert_true(lane_submit(f->lane, f->l, run_hang, on_done, f));
	pthread_barrier_wait(&f->started);
	assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
	assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
	assert_false(lane_submit(f->lane, f->l, run_count, on_done, f));
	assert_int_equal(lane_waiting(f->lane), 2);
	pthread_barrier_wait(&f->release);
	loop_run(f->l);
	assert_int_equal(f->done_ran, 3);
}

static void gives_up_a_job_that_waits_too_long_behind_a_hung_one(void **state)
{
	struct fixture *f = *state;

	/* Long enough for the first job to find its thread on a busy machine. */
	f->lane = lane_new("test", 1, 2, 1000);
	f->stop_at = 2;
	assert_true(lane_submit(f->lane, f->l, run_hang, on_done, f));
	pthread_barrier_wait(&f->started);
	assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
	assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
	loop_run(f->l);
	assert_int_equal(f->done_dropped, 2);
	assert_int_equal(atomic_load(&f->ran), 0);
	f->stop_at = 3;
	pthread_barrier_wait(&f->release);
	loop_run(f->l);
	assert_int_equal(f->done_ran, 1);
}

static void threads_leave_when_idle_and_come_back(void **state)
{
	struct fixture *f = *state;

	f->lane = lane_new("test", 2, 2, 0);
	lane_set_idle_ms(f->lane, 1);
	for (int i = 1; i <= 2; i++) {
		f->stop_at = i;
		assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
		loop_run(f->l);
		while (lane_threads(f->lane) > 0)
			sched_yield();
	}
	assert_int_equal(f->done_ran, 2);
}

static void *let_go(void *arg)
{
	struct fixture *f = arg;

	pthread_barrier_wait(&f->release);
	return NULL;
}

static void free_finishes_what_runs_and_drops_what_waits(void **state)
{
	struct fixture *f = *state;
	pthread_t helper;

	f->lane = lane_new("test", 1, 2, 1000);
	f->stop_at = 3;
	assert_true(lane_submit(f->lane, f->l, run_hang, on_done, f));
	pthread_barrier_wait(&f->started);
	assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
	assert_true(lane_submit(f->lane, f->l, run_count, on_done, f));
	pthread_create(&helper, NULL, let_go, f);
	lane_free(&f->lane);
	pthread_join(helper, NULL);
	/* The running job may have ended before the free began, and the next one been taken. */
	loop_run(f->l);
	assert_int_equal(f->done_ran + f->done_dropped, 3);
	assert_int_equal(f->done_ran, atomic_load(&f->ran));
	assert_true(f->done_ran >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_each_job_once_and_tells_the_loop, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_when_the_queue_is_full, setup, teardown),
		cmocka_unit_test_setup_teardown(
			gives_up_a_job_that_waits_too_long_behind_a_hung_one, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_leave_when_idle_and_come_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(free_finishes_what_runs_and_drops_what_waits, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
