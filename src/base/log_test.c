/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int reader, sink; /* the ends of a pipe */

static int set_up(void **state)
{
	int ends[2];
	if (pipe(ends) != 0) return -1;
	reader = ends[0];
	sink = ends[1];
	log_init("test", sink, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	return 0;
}

static int tear_down(void **state)
{
	close(reader);
	close(sink);
	return 0;
}

/* What arrived until now; with to_end, until the sink is closed. */
static size_t count_lines_read(const char *containing)
{
	static char text[1 << 20];
	size_t n = 0, lines = 0;
	for (ssize_t got; (got = read(reader, text + n, sizeof text - 1 - n)) > 0;)
		n += (size_t)got;
	text[n] = '\0';
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		assert_non_null(strstr(line, " role=test msg="));
		lines += strstr(line, containing) != NULL;
	}
	return lines;
}

static size_t lines_until_closed(const char *containing)
{
	close(sink);
	size_t n = count_lines_read(containing);
	sink = -1;
	return n;
}

static void test_direct_and_levels(void **state)
{
	assert_false(log_enabled(LOG_LEVEL_DEBUG));
	assert_true(log_enabled(LOG_LEVEL_INFO));
	log_debug("hidden", LOG_I("n", 1));
	log_info("seen", LOG_I("n", 2));
	log_warn("seen", LOG_S("why", "x"));
	log_error("seen", LOG_SP("why", SPAN("y")));
	assert_int_equal(lines_until_closed("msg=seen"), 3);
}

enum {
	THREADS = 4,
	EACH = 500
};

static void *write_many(void *arg)
{
	for (int i = 0; i < EACH; i++)
		log_info("many", LOG_I("i", i), LOG_S("pad", "0123456789abcdef"));
	return NULL;
}

static void *drain(void *arg)
{
	*(size_t *)arg = count_lines_read("msg=many");
	return NULL;
}

static void test_all_lines_of_all_threads_arrive(void **state)
{
	uint64_t dropped = log_dropped();
	pthread_t threads[THREADS], drainer;
	size_t lines = 0;
	assert_int_equal(pthread_create(&drainer, NULL, drain, &lines), 0);
	log_start();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_stop();
	log_stop();
	close(sink);
	sink = -1;
	pthread_join(drainer, NULL);
	assert_int_equal(lines + (log_dropped() - dropped), THREADS * EACH);
	assert_int_equal(log_dropped(), dropped); /* 2000 lines fit into the ring */
}

/* A sink that nobody reads: the callers go on, lines are counted, and the count is told. */
static void test_full_ring_drops_and_tells(void **state)
{
	uint64_t before = log_dropped();
	log_start();
	char pad[1000];
	memset(pad, 'p', sizeof pad);
	for (int i = 0; i < 2000; i++)
		log_info("flood", LOG_SP("pad", span_make(pad, sizeof pad)));
	uint64_t dropped = log_dropped() - before;
	assert_in_range(dropped, 1000, 1999);

	pthread_t drainer;
	size_t lines = 0;
	assert_int_equal(fcntl(sink, F_SETFL, fcntl(sink, F_GETFL) | O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&drainer, NULL, drain, &lines), 0);
	log_stop();
	log_info("many", LOG_I("after", 1)); /* direct again */
	close(sink);
	sink = -1;
	pthread_join(drainer, NULL);
	assert_int_equal(lines, 1);
	assert_int_equal(log_dropped() - before, dropped);
}

static void test_closed_sink_is_counted(void **state)
{
	uint64_t before = log_dropped();
	close(reader);
	reader = -1;
	log_start();
	for (int i = 0; i < 100; i++)
		log_error("lost", LOG_I("i", i));
	log_stop();
	assert_int_equal(log_dropped() - before, 100);
}

/* Stop waits a bounded time for a sink that takes nothing; afterwards nobody waits. */
static void test_stuck_sink_ends_the_wait(void **state)
{
	log_start();
	char pad[1000];
	memset(pad, 'p', sizeof pad);
	for (int i = 0; i < 200; i++)
		log_warn("flood", LOG_SP("pad", span_make(pad, sizeof pad)));
	log_stop();
	uint64_t before = log_dropped();
	log_info("nobody waits", LOG_I("n", 1));
	assert_int_equal(log_dropped() - before, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_direct_and_levels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_lines_of_all_threads_arrive, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_full_ring_drops_and_tells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_closed_sink_is_counted, set_up, tear_down),
		/* leaves the writer behind: the last one */
		cmocka_unit_test_setup_teardown(test_stuck_sink_ends_the_wait, set_up, NULL),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
