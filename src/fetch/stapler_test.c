/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fetch/stapler.h"

static void asks_again_in_the_middle(void **state)
{
	static const uint32_t randoms[] = { 0, 1, 12345, UINT32_MAX };

	for (size_t i = 0; i < sizeof randoms / sizeof randoms[0]; i++) {
		/* Fresh: in the third quarter at the latest. */
		int64_t due = stapler_due(1000, 9000, 1000, randoms[i]);
		assert_in_range(due, 5000, 6000);
		/* Half gone, as from a cache: the same of what is left. */
		due = stapler_due(1000, 9000, 7000, randoms[i]);
		assert_in_range(due, 8000, 8250);
		/* Nearly over: at once, but not in the same second. */
		assert_int_equal(stapler_due(1000, 9000, 8999, randoms[i]), 9000);
		/* From a clock that is ahead of ours. */
		due = stapler_due(1200, 1260, 1000, randoms[i]);
		assert_in_range(due, 1230, 1238);
	}
	assert_int_not_equal(stapler_due(0, 604800, 0, 1), stapler_due(0, 604800, 0, 70000));
}

static void waits_longer_after_each_failure(void **state)
{
	static const uint32_t least[] = {
		5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600
	};

	for (unsigned i = 0; i < sizeof least / sizeof least[0]; i++) {
		assert_int_equal(stapler_backoff_s(i + 1, 0), least[i]);
		for (uint32_t random = 1; random < 10000; random += 997)
			assert_in_range(stapler_backoff_s(i + 1, random), least[i],
					least[i] + least[i] / 4);
	}
	assert_int_equal(stapler_backoff_s(1000000, 0), 3600);
}

static void names_have_keys_of_their_own(void **state)
{
	char a[STAPLER_KEY_SIZE], b[STAPLER_KEY_SIZE];

	stapler_key(SPAN("/etc/one.pem"), a);
	stapler_key(SPAN("/etc/two.pem"), b);
	assert_int_equal(strncmp(a, "meta/ocsp.", 10), 0);
	assert_int_equal(strlen(a), 26);
	assert_string_not_equal(a, b);
	stapler_key(SPAN("/etc/one.pem"), b);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_again_in_the_middle),
		cmocka_unit_test(waits_longer_after_each_failure),
		cmocka_unit_test(names_have_keys_of_their_own),
	};

	return cmocka_run_group_tests_name("stapler", tests, NULL, NULL);
}
