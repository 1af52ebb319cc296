/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/commitcache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define A SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
#define B SPAN("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")

static void files_and_times(void **state)
{
	struct commitcache c;
	struct mg_buf out = BUF_MAX(100);
	int64_t time_s = 0;

	commitcache_init(&c);
	assert_false(commitcache_time(&c, A, &time_s));
	commitcache_put_time(&c, A, -5);
	assert_true(commitcache_time(&c, A, &time_s));
	assert_int_equal(time_s, -5);
	assert_false(commitcache_time(&c, B, &time_s));

	assert_int_equal(commitcache_file(&c, A, SPAN("go.mod"), &out), COMMITCACHE_UNKNOWN);
	commitcache_put_file(&c, A, SPAN("go.mod"), SPAN("module x\n"));
	commitcache_put_file(&c, A, SPAN("LICENSE"), SPAN(""));
	commitcache_put_absent(&c, A, SPAN("sub/go.mod"));
	assert_int_equal(commitcache_file(&c, A, SPAN("go.mod"), &out), COMMITCACHE_THERE);
	assert_true(span_eq(buf_span(&out), SPAN("module x\n")));
	assert_int_equal(commitcache_file(&c, A, SPAN("LICENSE"), &out), COMMITCACHE_THERE);
	assert_int_equal(out.n, 9);
	assert_int_equal(commitcache_file(&c, A, SPAN("sub/go.mod"), &out), COMMITCACHE_ABSENT);
	assert_int_equal(commitcache_file(&c, B, SPAN("go.mod"), &out), COMMITCACHE_UNKNOWN);
	commitcache_clear(&c);
	assert_int_equal(commitcache_file(&c, A, SPAN("go.mod"), &out), COMMITCACHE_UNKNOWN);
	buf_deinit(&out);
	commitcache_deinit(&c);
}

static void a_map_tells_where_no_module_is(void **state)
{
	struct commitcache c;

	commitcache_init(&c);
	assert_false(commitcache_has_modules(&c, A));
	commitcache_put_modules(&c, A, SPAN("go.mod\0sub/go.mod\0"));
	assert_true(commitcache_has_modules(&c, A));
	assert_int_equal(commitcache_file(&c, A, SPAN("sub/go.mod"), NULL), COMMITCACHE_UNKNOWN);
	assert_int_equal(commitcache_file(&c, A, SPAN("su/go.mod"), NULL), COMMITCACHE_ABSENT);
	assert_int_equal(commitcache_file(&c, A, SPAN("sub/sub/go.mod"), NULL), COMMITCACHE_ABSENT);
	/* Of other files it says nothing, nor of other commits. */
	assert_int_equal(commitcache_file(&c, A, SPAN("xgo.mod"), NULL), COMMITCACHE_UNKNOWN);
	assert_int_equal(commitcache_file(&c, A, SPAN("LICENSE"), NULL), COMMITCACHE_UNKNOWN);
	assert_int_equal(commitcache_file(&c, B, SPAN("su/go.mod"), NULL), COMMITCACHE_UNKNOWN);
	commitcache_deinit(&c);
}

static void it_stays_within_its_bound(void **state)
{
	static char bytes[COMMITCACHE_FILE_MAX + 1];
	struct commitcache c;

	commitcache_init(&c);
	for (int i = 0; i < 200; i++) {
		char path[32];
		snprintf(path, sizeof path, "f%d", i);
		commitcache_put_file(&c, A, span_of(path), span_make(bytes, COMMITCACHE_FILE_MAX));
		assert_true(c.bytes <= COMMITCACHE_MAX);
	}
	assert_int_equal(commitcache_file(&c, A, SPAN("f199"), NULL), COMMITCACHE_THERE);
	assert_int_equal(commitcache_file(&c, A, SPAN("f0"), NULL), COMMITCACHE_UNKNOWN);
	commitcache_put_file(&c, A, SPAN("large"), span_make(bytes, sizeof bytes));
	assert_int_equal(commitcache_file(&c, A, SPAN("large"), NULL), COMMITCACHE_UNKNOWN);
	commitcache_deinit(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_times),
		cmocka_unit_test(a_map_tells_where_no_module_is),
		cmocka_unit_test(it_stays_within_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
