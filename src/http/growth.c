/* SPDX-License-Identifier: Apache-2.0 */
#include "http/growth.h"

void growth_init(struct growth *g)
{
	*g = (struct growth){ 0 };
	list_init(&g->waiters);
}

static void wake(struct growth *g)
{
	while (!list_empty(&g->waiters)) {
		struct growth_waiter *w =
			LIST_OWNER(list_first(&g->waiters), struct growth_waiter, node);
		list_remove(&w->node);
		w->on_more(w);
	}
}

void growth_advance(struct growth *g, uint64_t available)
{
	if (g->cut || available <= g->available) return;
	g->available = available;
	wake(g);
}

void growth_cut(struct growth *g)
{
	g->cut = true;
	wake(g);
}

void growth_wait(struct growth *g, struct growth_waiter *w)
{
	list_append(&g->waiters, &w->node);
}

void growth_leave(struct growth_waiter *w)
{
	list_remove(&w->node);
}
