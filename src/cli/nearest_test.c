/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/nearest.h"

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{ "", "", 0 },
		{ "store", "store", 0 },
		{ "store", "Store", 0 },
		{ "store", "", 5 },
		{ "", "store", 5 },
		{ "store", "stroe", 1 },
		{ "store", "stor", 1 },
		{ "store", "stores", 1 },
		{ "store", "stare", 1 },
		{ "listen", "lsiten", 1 },
		{ "kitten", "sitting", 3 },
		{ "ca", "abc", 3 },
		{ "log.level", "log.levle", 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(nearest_distance(span_of(cases[i].a), span_of(cases[i].b)),
				 cases[i].distance);
}

static void long_words_are_far_from_all(void **state)
{
	char word[200];
	memset(word, 'a', sizeof word);
	assert_int_equal(nearest_distance(span_make(word, sizeof word), SPAN("a")), SIZE_MAX);
	assert_int_equal(nearest_distance(span_make(word, 63), span_make(word, 63)), 0);
	assert_false(nearest_plausible(span_make(word, 200), SPAN("a"), SIZE_MAX));
}

static void only_near_words_are_plausible(void **state)
{
	assert_true(nearest_plausible(SPAN("stroe"), SPAN("store"), 1));
	assert_true(nearest_plausible(SPAN("pathprefx"), SPAN("path-prefix"), 2));
	assert_false(nearest_plausible(SPAN("port"), SPAN("store"), 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(long_words_are_far_from_all),
		cmocka_unit_test(only_near_words_are_plausible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
