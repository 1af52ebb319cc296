/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tls/ticketkeys.h"

#define PERIOD 1000u

static void key_seals_one_period_and_opens_two(void **state)
{
	struct ticketkeys *t = ticketkeys_new(PERIOD);
	struct ticketkeys_key first, second, third, got;
	bool old;

	ticketkeys_seal(t, 5000, &first);
	ticketkeys_seal(t, 5999, &got);
	assert_memory_equal(&first, &got, sizeof got);
	assert_true(ticketkeys_open(t, 5999, first.name, &got, &old));
	assert_false(old);
	assert_memory_equal(&first, &got, sizeof got);

	ticketkeys_seal(t, 6000, &second);
	assert_memory_not_equal(&first, &second, sizeof got);
	assert_true(ticketkeys_open(t, 6999, first.name, &got, &old));
	assert_true(old);
	assert_memory_equal(&first, &got, sizeof got);
	assert_true(ticketkeys_open(t, 6999, second.name, &got, &old));
	assert_false(old);

	ticketkeys_seal(t, 7000, &third);
	assert_false(ticketkeys_open(t, 7000, first.name, &got, &old));
	assert_true(ticketkeys_open(t, 7000, second.name, &got, &old));
	assert_true(old);
	ticketkeys_free(&t);
}

static void pause_does_not_prolong_a_key(void **state)
{
	struct ticketkeys *t = ticketkeys_new(PERIOD);
	struct ticketkeys_key first, got;
	bool old;

	ticketkeys_seal(t, 5000, &first);
	/* Nobody came while its second period ran: the change happens late, its end is in time. */
	assert_true(ticketkeys_open(t, 6900, first.name, &got, &old));
	assert_false(ticketkeys_open(t, 7000, first.name, &got, &old));

	ticketkeys_seal(t, 7001, &first);
	assert_false(ticketkeys_open(t, 900000, first.name, &got, &old));
	ticketkeys_free(&t);
}

static void forgotten_keys_open_nothing(void **state)
{
	struct ticketkeys *t = ticketkeys_new(PERIOD);
	struct ticketkeys_key first, second, got;
	bool old;

	ticketkeys_seal(t, 5000, &first);
	ticketkeys_seal(t, 6000, &second);
	ticketkeys_forget(t);
	assert_false(ticketkeys_open(t, 6000, first.name, &got, &old));
	assert_false(ticketkeys_open(t, 6000, second.name, &got, &old));
	ticketkeys_seal(t, 6000, &got);
	assert_memory_not_equal(&second, &got, sizeof got);
	ticketkeys_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_seals_one_period_and_opens_two),
		cmocka_unit_test(pause_does_not_prolong_a_key),
		cmocka_unit_test(forgotten_keys_open_nothing),
	};

	return cmocka_run_group_tests_name("ticketkeys", tests, NULL, NULL);
}
