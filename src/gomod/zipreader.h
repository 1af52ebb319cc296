/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks one entry of a zip after the other, with the checks of Go's archive/zip: local header, method
 * stored or deflated, declared size, CRC, data descriptor. Bounded memory. One thread at a time. */
#ifndef GOMOD_ZIPREADER_H
#define GOMOD_ZIPREADER_H

#include "gomod/zipdir.h"

struct zipreader;

/* w stays the caller's, and serves other reads between calls. */
struct zipreader *zipreader_new(struct zipsource_window *w);
void zipreader_free(struct zipreader **r);

/* Reads the local header. *body_out: where the entry's data begins. MG_CORRUPT when there is none. */
MG_CHECK enum mg_code zipreader_locate(struct zipreader *r, const struct zipdir_entry *e,
				       uint64_t *body_out, struct mg_err *err);
/* Unpacks the entry whose data begins at body and ends within the source (asserted), piece by piece
 * into sink. *end_out: behind data and descriptor. MG_CORRUPT when any check fails (sink may have had
 * bytes by then, but never more than the declared size). */
MG_CHECK enum mg_code zipreader_unpack(struct zipreader *r, const struct zipdir_entry *e,
				       uint64_t body, void (*sink)(void *arg, struct mg_span bytes),
				       void *arg, uint64_t *end_out, struct mg_err *err);

#endif
