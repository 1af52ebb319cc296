/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"

static void test_alloc_is_zeroed_and_aligned(void **state)
{
	struct arena a = ARENA_INIT;
	static const size_t sizes[] = { 0, 1, 7, 16, 100, 1023, 1024, 1025, 4096, 100000, 3 };
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			unsigned char *p = arena_alloc(&a, sizes[i]);
			assert_non_null(p);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(p[k], 0);
			memset(p, 0xa5, sizes[i]); /* the next one must not see it */
		}
	arena_deinit(&a);
	assert_null(a.blocks);
	arena_deinit(&a);
}

static void test_copies_end_in_nul(void **state)
{
	struct arena a = ARENA_INIT;
	struct mg_span copy = arena_dup(&a, SPAN("a\0b"));
	assert_int_equal(copy.n, 3);
	assert_memory_equal(copy.p, "a\0b", 4);
	assert_string_equal(arena_strdup(&a, SPAN("")), "");
	assert_string_equal(arena_strdup(&a, (struct mg_span){ 0 }), "");
	arena_deinit(&a);
}

static void test_printf(void **state)
{
	struct arena a = ARENA_INIT;
	assert_string_equal(arena_printf(&a, "%s/%d", "x", 7), "x/7");
	assert_int_equal(strlen(arena_printf(&a, "%*d", 9000, 1)), 9000);
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc_is_zeroed_and_aligned),
		cmocka_unit_test(test_copies_end_in_nul),
		cmocka_unit_test(test_printf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
