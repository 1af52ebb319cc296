/* SPDX-License-Identifier: Apache-2.0 */
/* A flag that says nobody waits for this work any more; polled by blocking code. Any thread; the memory
 * is the owner's, and outlives the work. */
#ifndef LOOP_CANCEL_H
#define LOOP_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct cancel {
	atomic_bool set;
};

static inline void cancel_init(struct cancel *c)
{
	atomic_init(&c->set, false);
}
static inline void cancel_set(struct cancel *c)
{
	atomic_store_explicit(&c->set, true, memory_order_release);
}
/* False for NULL: work that cannot be canceled. */
static inline bool cancel_is_set(const struct cancel *c)
{
	return c != NULL && atomic_load_explicit(&c->set, memory_order_acquire);
}

#endif
