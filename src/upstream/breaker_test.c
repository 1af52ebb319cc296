/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FAILURES 3
#define OPEN_MS  1000

static void fail_once(struct breaker *b, enum breaker_pass pass, uint64_t now_ms)
{
	breaker_failure(b, pass, now_ms, FAILURES, OPEN_MS);
}

static struct breaker opened(uint64_t at_ms)
{
	struct breaker b = { 0 };
	for (int i = 0; i < FAILURES; i++)
		fail_once(&b, breaker_ask(&b, at_ms), at_ms);
	return b;
}

static void opens_after_failures_in_a_row(void **state)
{
	struct breaker b = { 0 };
	fail_once(&b, BREAKER_GO, 0);
	fail_once(&b, BREAKER_GO, 0);
	assert_int_equal(breaker_ask(&b, 0), BREAKER_GO);
	breaker_success(&b);
	assert_true(breaker_is_idle(&b));
	b = opened(500);
	assert_int_equal(breaker_ask(&b, 500), BREAKER_STOP);
	assert_int_equal(breaker_ask(&b, 1499), BREAKER_STOP);
	assert_false(breaker_is_idle(&b));
}

static void half_open_lets_one_through(void **state)
{
	struct breaker b = opened(0);
	assert_int_equal(breaker_ask(&b, 1000), BREAKER_PROBE);
	assert_int_equal(breaker_ask(&b, 1000), BREAKER_STOP);
	assert_true(breaker_is_open(&b, 5000));
	breaker_success(&b);
	assert_int_equal(breaker_ask(&b, 1001), BREAKER_GO);
}

static void a_failed_probe_opens_again(void **state)
{
	struct breaker b = opened(0);
	fail_once(&b, breaker_ask(&b, 1000), 1200);
	assert_int_equal(breaker_ask(&b, 2199), BREAKER_STOP);
	assert_int_equal(breaker_ask(&b, 2200), BREAKER_PROBE);
}

static void a_canceled_probe_gives_its_turn_away(void **state)
{
	struct breaker b = opened(0);
	breaker_neutral(&b, breaker_ask(&b, 1000));
	assert_int_equal(breaker_ask(&b, 1000), BREAKER_PROBE);
}

static void stragglers_change_nothing(void **state)
{
	struct breaker b = opened(0);
	fail_once(&b, BREAKER_GO, 900);
	assert_int_equal(breaker_ask(&b, 1000), BREAKER_PROBE);
	breaker_neutral(&b, BREAKER_GO);
	fail_once(&b, BREAKER_GO, 1000);
	assert_int_equal(breaker_ask(&b, 1000), BREAKER_STOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_after_failures_in_a_row),
		cmocka_unit_test(half_open_lets_one_through),
		cmocka_unit_test(a_failed_probe_opens_again),
		cmocka_unit_test(a_canceled_probe_gives_its_turn_away),
		cmocka_unit_test(stragglers_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
