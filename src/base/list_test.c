/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/list.h"

struct item {
	int v;
	struct list node;
};

static int sum(struct list *head)
{
	int digits = 0;
	LIST_EACH(it, head) digits = digits * 10 + LIST_OWNER(it, struct item, node)->v;
	return digits;
}

static void test_order_and_removal(void **state)
{
	struct list head;
	struct item a = { .v = 1 }, b = { .v = 2 }, c = { .v = 3 };
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_first(&head));
	list_append(&head, &b.node);
	list_append(&head, &c.node);
	list_prepend(&head, &a.node);
	assert_int_equal(sum(&head), 123);
	assert_ptr_equal(list_first(&head), &a.node);
	list_remove(&b.node);
	list_remove(&b.node);
	assert_int_equal(sum(&head), 13);
	LIST_EACH_SAFE(it, &head) list_remove(it);
	assert_true(list_empty(&head));
}

static void test_taking_all(void **state)
{
	struct list head, other;
	struct item a = { .v = 1 }, b = { .v = 2 }, c = { .v = 3 };
	list_init(&head);
	list_init(&other);
	list_take(&head, &other);
	assert_true(list_empty(&head));
	list_append(&other, &b.node);
	list_append(&other, &c.node);
	list_take(&head, &other);
	assert_true(list_empty(&other));
	assert_int_equal(sum(&head), 23);
	list_append(&other, &a.node);
	list_take(&other, &head);
	assert_int_equal(sum(&other), 123);
	list_remove(&c.node);
	assert_int_equal(sum(&other), 12);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order_and_removal),
					    cmocka_unit_test(test_taking_all) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
