/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/age.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SECOND 1000000000LL

static const struct front_options options = { .fresh_ms = 60000, .stale_ms = 240000 };

static void test_classes(void **state)
{
	static const struct {
		const char *what;
		enum target_kind kind;
		int64_t age_s;
		enum age_class class;
	} cases[] = {
		{ "an artifact never ages", TARGET_ZIP, 1000000, AGE_FRESH },
		{ "a list just validated", TARGET_LIST, 0, AGE_FRESH },
		{ "a list at the last fresh second", TARGET_LIST, 59, AGE_FRESH },
		{ "a list at its limit", TARGET_LIST, 60, AGE_STALE },
		{ "the last stale second", TARGET_LATEST, 299, AGE_STALE },
		{ "too old", TARGET_QUERY, 300, AGE_OLD },
		{ "from the future", TARGET_LIST, -5, AGE_STALE },
	};
	int64_t now_ms = 1700000000000;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t mtime = now_ms / 1000 * SECOND - cases[i].age_s * SECOND;
		struct age a = age_of(cases[i].kind, mtime, now_ms, &options);
		if (a.class != cases[i].class) fail_msg("%s: class %d", cases[i].what, a.class);
	}
}

static void test_left(void **state)
{
	struct age a = age_of(TARGET_LIST, 1000 * SECOND, 1015000, &options);
	assert_int_equal(a.class, AGE_FRESH);
	assert_int_equal(a.left_ms, 45000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
