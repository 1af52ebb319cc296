/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t live;

static int *value_new(int n)
{
	int *v = malloc(sizeof *v);
	*v = n;
	live++;
	return v;
}

static void value_release(void *v)
{
	live--;
	free(v);
}

static void test_put_get(void **state)
{
	(void)state;
	struct hot *h = hot_new(1 << 20, value_release);
	assert_null(hot_get(h, SPAN("/a"), 0));
	hot_put(h, SPAN("/a"), value_new(1), 100, HOT_FOREVER);
	hot_put(h, SPAN(""), value_new(2), 100, 500);
	assert_int_equal(*(int *)hot_get(h, SPAN("/a"), UINT64_MAX - 1), 1);
	assert_int_equal(*(int *)hot_get(h, SPAN(""), 499), 2);
	const size_t bytes = hot_bytes(h);
	hot_put(h, SPAN("/a"), value_new(3), 100, HOT_FOREVER);
	assert_int_equal(*(int *)hot_get(h, SPAN("/a"), 0), 3);
	assert_int_equal(hot_bytes(h), bytes);
	assert_int_equal(live, 2);
	assert_null(hot_get(h, SPAN(""), 500)); /* expired, and gone */
	assert_int_equal(live, 1);
	hot_remove(h, SPAN("/none"));
	hot_remove(h, SPAN("/a"));
	assert_int_equal(live, 0);
	assert_int_equal(hot_bytes(h), 0);
	hot_put(h, SPAN("/big"), value_new(4), 1 << 20, HOT_FOREVER); /* does not fit at all */
	assert_int_equal(live, 0);
	hot_put(h, SPAN("/a"), value_new(5), 1, HOT_FOREVER);
	hot_free(&h);
	assert_null(h);
	assert_int_equal(live, 0);
}

/* What is asked for often stays while names asked for once pass through. */
static void test_eviction(void **state)
{
	(void)state;
	struct hot *h = hot_new(64 << 10, value_release);
	char key[32];
	hot_put(h, SPAN("/favourite"), value_new(-1), 1000, HOT_FOREVER);
	for (int i = 0; i < 10000; i++) {
		const int n = snprintf(key, sizeof key, "/once/%d", i);
		hot_put(h, span_make(key, (size_t)n), value_new(i), 1000, HOT_FOREVER);
		assert_in_range(hot_bytes(h), 1, 64 << 10);
		if (i % 10 == 0) assert_non_null(hot_get(h, SPAN("/favourite"), 0));
	}
	assert_in_range(live, 50, 64);
	hot_free(&h);
	assert_int_equal(live, 0);
}

/* Against a plain array as the model: random puts, gets, removals. */
static void test_model(void **state)
{
	(void)state;
	enum {
		KEYS = 3000
	};
	static int model[KEYS];
	struct hot *h = hot_new(64 << 20, value_release);
	uint64_t x = 88172645463325252u;
	char key[32];
	for (int step = 1; step < 200000; step++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		const size_t k = x % KEYS;
		const int n = snprintf(key, sizeof key, "/k/%zu", k);
		const struct mg_span name = span_make(key, (size_t)n);
		switch (x >> 32 & 3) {
		case 0:
			hot_put(h, name, value_new(step), 10, HOT_FOREVER);
			model[k] = step;
			break;
		case 1:
			hot_remove(h, name);
			model[k] = 0;
			break;
		default: {
			const int *v = hot_get(h, name, 0);
			assert_int_equal(v == NULL ? 0 : *v, model[k]);
		}
		}
	}
	hot_free(&h);
	assert_int_equal(live, 0);
}

static void test_clear(void **state)
{
	(void)state;
	struct hot *h = hot_new(1 << 20, value_release);
	char key[16];
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "/%d", i);
		hot_put(h, span_of(key), value_new(i), 10, HOT_FOREVER);
	}
	assert_int_equal(live, 1000);
	hot_clear(h);
	assert_int_equal(live, 0);
	assert_int_equal(hot_bytes(h), 0);
	assert_null(hot_get(h, SPAN("/7"), 0));
	hot_put(h, SPAN("/7"), value_new(8), 10, HOT_FOREVER);
	assert_int_equal(*(int *)hot_get(h, SPAN("/7"), 0), 8);
	hot_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
