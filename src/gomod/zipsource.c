/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/zipsource.h"

#include <stdlib.h>

#include "base/check.h"

void zipsource_open(const struct zipsource *source, struct zipsource_window *w)
{
	*w = (struct zipsource_window){
		.source = source,
		.bytes = check_malloc(ZIPSOURCE_WINDOW),
	};
}

void zipsource_close(struct zipsource_window *w)
{
	free(w->bytes);
	*w = (struct zipsource_window){ 0 };
}

enum mg_code zipsource_get(struct zipsource_window *w, uint64_t offset, size_t least,
			   struct mg_span *out, struct mg_err *err)
{
	uint64_t size = w->source->size;
	MG_ASSERT(least <= ZIPSOURCE_WINDOW && offset <= size && least <= size - offset);
	bool inside = offset >= w->begin && offset - w->begin <= w->n &&
		      w->n - (size_t)(offset - w->begin) >= least;
	if (!inside) {
		size_t n = size - offset < ZIPSOURCE_WINDOW ? (size_t)(size - offset)
							    : ZIPSOURCE_WINDOW;
		w->n = 0;
		w->begin = offset;
		enum mg_code rc =
			n == 0 ? MG_OK
			       : w->source->read_at(w->source->arg, offset, w->bytes, n, err);
		if (rc != MG_OK) return rc;
		w->n = n;
	}
	*out = span_from(span_make(w->bytes, w->n), (size_t)(offset - w->begin));
	return MG_OK;
}
