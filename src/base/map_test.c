/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <stdio.h>

#include "base/map.h"

struct entry {
	struct map_node node;
	char key[16];
};

static struct entry *entry_new(int i)
{
	struct entry *e = calloc(1, sizeof *e);
	assert_non_null(e);
	int n = snprintf(e->key, sizeof e->key, "key-%d", i);
	e->node.key = span_make(e->key, (size_t)n);
	return e;
}

static struct map_node *find(const struct map *m, int i)
{
	char key[16];
	int n = snprintf(key, sizeof key, "key-%d", i);
	return map_get(m, span_make(key, (size_t)n));
}

static void test_grows_and_keeps_all(void **state)
{
	enum {
		N = 5000
	};
	static struct entry *entries[N];
	struct map m = MAP_INIT;
	assert_null(find(&m, 0));
	for (int i = 0; i < N; i++)
		map_put(&m, &(entries[i] = entry_new(i))->node);
	assert_int_equal(m.count, N);
	for (int i = 0; i < N; i++) {
		assert_ptr_equal(find(&m, i), &entries[i]->node);
		assert_ptr_equal(map_get_hashed(&m, entries[i]->node.key, entries[i]->node.hash),
				 &entries[i]->node);
	}
	assert_null(find(&m, N));
	for (int i = 0; i < N; i += 2)
		map_remove(&m, &entries[i]->node);
	for (int i = 0; i < N; i++)
		assert_ptr_equal(find(&m, i), i % 2 ? &entries[i]->node : NULL);
	assert_int_equal(m.count, N / 2);
	map_put(&m, &entries[0]->node);
	assert_ptr_equal(find(&m, 0), &entries[0]->node);
	map_deinit(&m);
	for (int i = 0; i < N; i++)
		free(entries[i]);
}

static void drop(struct map_node *node, void *arg)
{
	struct map *m = arg;
	map_remove(m, node);
	free(node);
}

static void test_each_may_remove_and_free(void **state)
{
	struct map m = MAP_INIT;
	map_each(&m, drop, &m);
	for (int i = 0; i < 300; i++)
		map_put(&m, &entry_new(i)->node);
	map_each(&m, drop, &m);
	assert_int_equal(m.count, 0);
	map_deinit(&m);
}

static void test_empty_key(void **state)
{
	struct map m = MAP_INIT;
	struct map_node node = { 0 };
	map_put(&m, &node);
	assert_ptr_equal(map_get(&m, SPAN("")), &node);
	map_remove(&m, &node);
	assert_null(map_get(&m, SPAN("")));
	map_deinit(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_and_keeps_all),
		cmocka_unit_test(test_each_may_remove_and_free),
		cmocka_unit_test(test_empty_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
