/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/retraction.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool covers(const char *gomod, const char *version)
{
	struct arena a = ARENA_INIT;
	struct retraction r = retraction_read(span_of(gomod), &a);
	bool yes = retraction_covers(&r, span_of(version));
	arena_deinit(&a);
	return yes;
}

static void intervals(void **state)
{
	const char *one = "module a.b/m\nretract v1.1.0 // bad\n";
	assert_true(covers(one, "v1.1.0"));
	assert_false(covers(one, "v1.1.1"));
	const char *more = "module a.b/m\nretract (\n\t[v1.0.0, v1.2.0]\n\tv1.5.0-rc.1\n)\n";
	assert_true(covers(more, "v1.0.0"));
	assert_true(covers(more, "v1.2.0-rc.1"));
	assert_true(covers(more, "v1.2.0"));
	assert_false(covers(more, "v1.2.1"));
	assert_true(covers(more, "v1.5.0-rc.1"));
	assert_false(covers(more, "v1.5.0"));
	assert_true(covers(more, "v1.1.2-0.20200101000000-abcdefabcdef"));
}

static void none(void **state)
{
	assert_false(covers("module a.b/m\n", "v1.0.0"));
	assert_false(covers("", "v1.0.0"));
	assert_false(covers("module a.b/m\nretract v1.0.0\nrequire (\n", "v1.0.0")); /* no go.mod */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(intervals), cmocka_unit_test(none) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
