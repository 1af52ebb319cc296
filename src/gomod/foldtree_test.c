/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/foldtree.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void pairs(void **state)
{
	static const struct {
		const char *a, *b;
		bool b_is_dir, collide;
	} rows[] = {
		{ "README", "readme", false, true },
		{ "a/x", "A/y", false, true },
		{ "a/x", "a/y", false, false },
		{ "k", "\xe2\x84\xaa", false, true },        /* U+212A KELVIN SIGN */
		{ "\xc3\x9f", "\xe1\xba\x9e", false, true }, /* sharp s, small and capital */
		{ "\xc3\x9f", "ss", false, false },
		{ "s", "\xc5\xbf", false, true },        /* long s */
		{ "\xc7\x84", "\xc7\x86", false, true }, /* DZ with caron, capital and small */
		{ "\xf0\x90\x90\x80", "\xf0\x90\x90\xa8", false, true }, /* Deseret */
		{ "\xe4\xb8\xad", "\xe6\x96\x87", false, false },
		{ "a", "a", false, true },
		{ "a", "a", true, true },
		{ "a/b", "a", true, false },
		{ "a/b", "a", false, true },
		{ "a", "a/b", false, true },
		{ "a/b/c", "A", true, true },
		{ "a/b/c", "a/B/d", false, true },
		{ "ab", "a/b", false, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct foldtree t = FOLDTREE_INIT;
		assert_null(foldtree_add(&t, span_of(rows[i].a), false));
		const char *fault = foldtree_add(&t, span_of(rows[i].b), rows[i].b_is_dir);
		assert_int_equal(fault != NULL, rows[i].collide);
		foldtree_deinit(&t);
	}
}

static void directories_repeat(void **state)
{
	struct foldtree t = FOLDTREE_INIT;
	assert_null(foldtree_add(&t, SPAN("d"), true));
	assert_null(foldtree_add(&t, SPAN("d"), true));
	assert_null(foldtree_add(&t, SPAN("d/e"), true));
	assert_null(foldtree_add(&t, SPAN("d/e/f"), false));
	assert_null(foldtree_add(&t, SPAN("d"), true));
	assert_int_equal(t.count, 3);
	foldtree_deinit(&t);
}

static void bounded(void **state)
{
	struct foldtree t = FOLDTREE_INIT;
	t.count = FOLDTREE_NODES_MAX - 1;
	assert_null(foldtree_add(&t, SPAN("a"), false));
	assert_non_null(foldtree_add(&t, SPAN("b"), false));
	foldtree_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs),
		cmocka_unit_test(directories_repeat),
		cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
