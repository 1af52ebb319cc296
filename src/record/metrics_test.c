/* SPDX-License-Identifier: Apache-2.0 */
#include "record/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 3
#define TIMES   100000

static void codes_have_a_place_each(void **state)
{
	for (unsigned i = 0; i + 1 < METRICS_CODES; i++)
		assert_int_equal(metrics_code(metrics_status(i)), i);
	assert_int_equal(metrics_code(299), METRICS_CODES - 1);
	assert_int_equal(metrics_code(0), METRICS_CODES - 1);
}

static void observations_fall_into_buckets(void **state)
{
	static const struct {
		uint64_t us;
		unsigned bucket;
	} cases[] = {
		{ 0, 0 },         { 1000, 0 },      { 1001, 1 },
		{ 60000000, 13 }, { 60000001, 14 }, { UINT64_MAX / 2, 14 },
	};
	uint64_t sum = metrics_sum(METRICS_UPSTREAM_SECONDS + METRICS_BUCKETS);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const unsigned slot = METRICS_UPSTREAM_SECONDS + cases[i].bucket;
		const uint64_t was = metrics_sum(slot);
		metrics_observe(METRICS_UPSTREAM_SECONDS, cases[i].us);
		assert_int_equal(metrics_sum(slot), was + 1);
		sum += cases[i].us;
	}
	assert_int_equal(metrics_sum(METRICS_UPSTREAM_SECONDS + METRICS_BUCKETS), sum);
}

static void *count_alone(void *arg)
{
	const unsigned *worker = arg;

	if (*worker < WORKERS) metrics_own(*worker);
	for (int i = 0; i < TIMES; i++)
		metrics_add(METRICS_ACCEPTED, 1);
	metrics_add(METRICS_CONNECTIONS, 1);
	return NULL;
}

/* Two threads of each kind: with a page of their own, and with one page between them. */
static void count_in_threads(void)
{
	unsigned which[] = { 0, 1, WORKERS, WORKERS };
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_alone, &which[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* In a process of its own: what is counted outlives it. */
static int run_front(int fd, unsigned which)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (!metrics_attach(fd, METRICS_FRONT)) _exit(2);
		metrics_begin();
		metrics_begin_front(which);
		/* Gauges of whoever was front before are gone, its counts are not. */
		if (metrics_sum(METRICS_CONNECTIONS) != 0) _exit(3);
		count_in_threads();
		_exit(metrics_sum(METRICS_CONNECTIONS) == 4 ? 0 : 4);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void counts_outlive_a_process(void **state)
{
	const int fd = metrics_create(WORKERS);

	assert_true(fd >= 0);
	assert_true(metrics_attach(fd, METRICS_SUPERVISOR));
	assert_int_equal(run_front(fd, 1), 0);
	assert_int_equal(metrics_sum(METRICS_ACCEPTED), 4 * TIMES);
	assert_int_equal(run_front(fd, 1), 0);
	assert_int_equal(metrics_sum(METRICS_ACCEPTED), 8 * TIMES);
	assert_int_equal(metrics_of(METRICS_FRONT, METRICS_ACCEPTED), 4 * TIMES);
	/* One that died left its gauges to whoever knows that it did. */
	assert_int_equal(metrics_sum(METRICS_CONNECTIONS), 4);
	metrics_begin_front(1);
	assert_int_equal(metrics_sum(METRICS_CONNECTIONS), 2);
	metrics_add(METRICS_RESTARTS, 2);
	assert_int_equal(metrics_of(METRICS_SUPERVISOR, METRICS_RESTARTS), 2);
	close(fd);
}

static void what_is_no_memory_of_metrics_is_refused(void **state)
{
	const char junk[4096] = "junk";
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_false(metrics_attach(fds[0], METRICS_FETCH));
	close(fds[0]);
	close(fds[1]);
	FILE *f = tmpfile();
	assert_non_null(f);
	assert_int_equal(write(fileno(f), junk, sizeof junk), sizeof junk);
	assert_false(metrics_attach(fileno(f), METRICS_FETCH));
	fclose(f);
}

static void memory_of_another_layout_or_fewer_workers_does_not_fit(void **state)
{
	const int fd = metrics_create(2);
	uint64_t layout;

	assert_true(metrics_fits(fd, 1));
	assert_true(metrics_fits(fd, 2));
	assert_false(metrics_fits(fd, 3));
	assert_int_equal(pread(fd, &layout, sizeof layout, 0), sizeof layout);
	layout++;
	assert_int_equal(pwrite(fd, &layout, sizeof layout, 0), sizeof layout);
	assert_false(metrics_fits(fd, 1));
	assert_false(metrics_attach(fd, METRICS_FETCH));
	close(fd);
	assert_false(metrics_fits(-1, 1));
}

static void upstreams_are_bounded(void **state)
{
	struct metrics_host h;
	char name[200];

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 20; i++) {
			snprintf(name, sizeof name, "host%d.example", i);
			metrics_upstream(name, METRICS_CLASS_2XX);
		}
	metrics_host(0, &h);
	assert_string_equal(h.name, "host0.example");
	assert_int_equal(h.requests[METRICS_CLASS_2XX], 2);
	metrics_host(METRICS_HOSTS_MAX, &h);
	assert_string_equal(h.name, "other");
	assert_int_equal(h.requests[METRICS_CLASS_2XX], 2 * (20 - METRICS_HOSTS_MAX));

	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	metrics_upstream(name, METRICS_CLASS_ERROR); /* too long, and too late */
	metrics_breaker("host1.example", true);
	metrics_host(1, &h);
	assert_true(h.open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_have_a_place_each),
		cmocka_unit_test(observations_fall_into_buckets),
		cmocka_unit_test(upstreams_are_bounded),
		cmocka_unit_test(what_is_no_memory_of_metrics_is_refused),
		cmocka_unit_test(memory_of_another_layout_or_fewer_workers_does_not_fit),
		cmocka_unit_test(counts_outlive_a_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
