/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/negative.h"

#include <inttypes.h>

#include "store/store_fixture.h"

#define KEY SPAN("example.com/m@v1.0.0 mod")

static struct negative *opened(struct fixture *f)
{
	struct negative *n = NULL;
	if (negative_open(f->root, &n, &f->err) != MG_OK) fail_msg("%s", f->err.text);
	return n;
}

static void test_restart(void **state)
{
	struct fixture *f = *state;
	struct negative *n = opened(f);
	struct mg_err answer, out;
	int64_t wall_s = 0;
	assert_false(negative_get(n, KEY, &out, &wall_s));
	err_set(&answer, MG_NOT_FOUND, MG_CAUSE_UPSTREAM, "mirror.example: unknown revision");
	negative_put(n, KEY, &answer, 1795427245);
	negative_close(&n);
	assert_null(n);
	n = opened(f);
	assert_true(negative_get(n, KEY, &out, &wall_s));
	assert_int_equal(out.code, MG_NOT_FOUND);
	assert_int_equal(out.cause, MG_CAUSE_UPSTREAM);
	assert_string_equal(out.text, answer.text);
	assert_int_equal(wall_s, 1795427245);
	negative_forget(n, KEY);
	assert_false(negative_get(n, KEY, &out, &wall_s));
	negative_forget(n, KEY);
	negative_close(&n);
}

static void test_bounded(void **state)
{
	struct fixture *f = *state;
	struct negative *n = opened(f);
	struct mg_err answer, out;
	int64_t wall_s;
	err_set(&answer, MG_NOT_FOUND, MG_CAUSE_UPSTREAM, "no");
	for (int i = 0; i < 100000; i++) {
		char key[32];
		const int len = snprintf(key, sizeof key, "example.com/m%d", i);
		negative_put(n, span_make(key, (size_t)len), &answer, i);
		assert_true(negative_get(n, span_make(key, (size_t)len), &out, &wall_s));
		assert_int_equal(wall_s, i);
	}
	struct stat st;
	assert_int_equal(stat(fixture_path(f, "meta/.negative"), &st), 0);
	assert_true(st.st_size <= 65536 * 512);
	negative_close(&n);
}

/* Torn or damaged at any byte: not known rather than wrong. */
static void test_damage(void **state)
{
	struct fixture *f = *state;
	struct negative *n = opened(f);
	struct mg_err answer, out;
	int64_t wall_s;
	struct stat st;
	err_set(&answer, MG_NOT_FOUND, MG_CAUSE_UPSTREAM, "no");
	negative_put(n, KEY, &answer, 1);
	assert_int_equal(stat(fixture_path(f, "meta/.negative"), &st), 0);
	const int fd = open(fixture_path(f, "meta/.negative"), O_RDWR);
	for (off_t at = st.st_size - 512; at < st.st_size; at++) {
		unsigned char byte;
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		assert_false(negative_get(n, KEY, &out, &wall_s));
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		assert_true(negative_get(n, KEY, &out, &wall_s));
	}
	assert_int_equal(ftruncate(fd, st.st_size - 1), 0);
	assert_false(negative_get(n, KEY, &out, &wall_s));
	close(fd);
	negative_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_restart),
		FIXTURE_TEST(test_bounded),
		FIXTURE_TEST(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
