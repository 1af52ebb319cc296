/* SPDX-License-Identifier: Apache-2.0 */
/* A file body of which more is still to come: how much is there, and who waits for more. Belongs to one
 * loop, as the replies that send it do. */
#ifndef HTTP_GROWTH_H
#define HTTP_GROWTH_H

#include <stdint.h>

#include "base/list.h"

struct growth {
	uint64_t available; /* bytes [0, available) of the body may be sent */
	bool cut;           /* no more will come: an answer that lacks some of its bytes is cut */
	struct list waiters;
};

/* Who has sent what is available. */
struct growth_waiter {
	struct list node;
	/* There is more, or never will be. Called once, and must send nothing itself: others wait too. */
	void (*on_more)(struct growth_waiter *w);
};

void growth_init(struct growth *g);
/* A smaller number than before is ignored. */
void growth_advance(struct growth *g, uint64_t available);
void growth_cut(struct growth *g);
/* w->on_more is set; w is in no list. */
void growth_wait(struct growth *g, struct growth_waiter *w);
/* Also when it does not wait. */
void growth_leave(struct growth_waiter *w);

#endif
