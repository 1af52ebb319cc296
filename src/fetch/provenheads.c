/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/provenheads.h"

#include <string.h>

bool provenheads_find(const struct provenheads *h, struct mg_span note, struct treehead *out)
{
	for (unsigned i = 0; i < PROVENHEADS_MAX; i++) {
		if (h->head[i].n == 0 || !span_eq(span_make(h->head[i].note, h->head[i].n), note))
			continue;
		*out = h->head[i].tree;
		return true;
	}
	return false;
}

void provenheads_add(struct provenheads *h, struct mg_span note, const struct treehead *tree)
{
	struct treehead known;
	if (note.n == 0 || note.n > PROVENHEADS_NOTE_MAX || provenheads_find(h, note, &known))
		return;
	memcpy(h->head[h->next].note, note.p, note.n);
	h->head[h->next].n = note.n;
	h->head[h->next].tree = *tree;
	h->next = (h->next + 1) % PROVENHEADS_MAX;
}

void provenheads_clear(struct provenheads *h)
{
	*h = (struct provenheads){ 0 };
}
