/* SPDX-License-Identifier: Apache-2.0 */
#include "http/growth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct reader {
	struct growth_waiter waiter;
	int woken;
};

static void on_more(struct growth_waiter *w)
{
	LIST_OWNER(w, struct reader, waiter)->woken++;
}

static void begin(struct reader *r)
{
	r->woken = 0;
	r->waiter.on_more = on_more;
	list_init(&r->waiter.node);
}

static void test_waiters_are_woken_once(void **state)
{
	struct growth g;
	struct reader a, b, c;
	growth_init(&g);
	begin(&a);
	begin(&b);
	begin(&c);
	growth_wait(&g, &a.waiter);
	growth_wait(&g, &b.waiter);
	growth_leave(&b.waiter);
	growth_leave(&b.waiter); /* also when it does not wait */
	growth_advance(&g, 10);
	assert_int_equal(g.available, 10);
	assert_int_equal(a.woken, 1);
	assert_int_equal(b.woken, 0);
	growth_wait(&g, &c.waiter);
	growth_advance(&g, 10);
	growth_advance(&g, 3);
	assert_int_equal(g.available, 10);
	assert_int_equal(c.woken, 0);
	growth_advance(&g, 11);
	assert_int_equal(c.woken, 1);
	assert_int_equal(a.woken, 1);
}

static void test_cut_is_the_last_word(void **state)
{
	struct growth g;
	struct reader a;
	growth_init(&g);
	begin(&a);
	growth_advance(&g, 5);
	growth_wait(&g, &a.waiter);
	growth_cut(&g);
	assert_true(g.cut);
	assert_int_equal(a.woken, 1);
	growth_advance(&g, 9);
	assert_int_equal(g.available, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiters_are_woken_once),
		cmocka_unit_test(test_cut_is_the_last_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
