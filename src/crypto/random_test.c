/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "crypto/random.h"

/* Large enough that the kernel may hand it out in pieces. */
static void test_fills_all_and_differs(void **state)
{
	static unsigned char a[1 << 20], b[1 << 20];
	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	size_t ones = 0;
	for (size_t i = 0; i < sizeof a; i++)
		ones += (size_t)__builtin_popcount(a[i]);
	assert_in_range(ones, sizeof a * 4 - 20000, sizeof a * 4 + 20000);
	for (size_t at = 0; at < sizeof a; at += 64) {
		static const unsigned char zero[64];
		assert_memory_not_equal(a + at, zero, sizeof zero);
	}
	random_bytes(a, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_fills_all_and_differs) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
