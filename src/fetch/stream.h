/* SPDX-License-Identifier: Apache-2.0 */
/* What front may send of a zip while it is still coming, and not proven yet: all but the central
 * directory and the end, without which nobody can unpack it. The rest goes out when the flight's result
 * says that it is in the store. Made and written by a lane thread; the loop passes it on. */
#ifndef FETCH_STREAM_H
#define FETCH_STREAM_H

#include "fetch/ticket.h"
#include "gomod/target.h"
#include "store/stage.h"

/* The end of central directory record and the longest comment behind it: they stay back in any case. */
#define STREAM_HOLD_BACK 65557u

struct stream;

/* Of the zip t, staged in st (empty yet), that will have size bytes. */
MG_CHECK enum mg_code stream_new(const struct target *t, const struct stage *st, uint64_t size,
				 struct stream **out, struct mg_err *err);
/* The next bytes, that st has already. */
void stream_wrote(struct stream *s, struct mg_span bytes);
/* It will not be what was sent of it. For ever. */
void stream_cut(struct stream *s);
void stream_free(struct stream **s);

/* --- any thread --- */

bool stream_is_cut(const struct stream *s);
uint64_t stream_size(const struct stream *s); /* of the whole zip */
/* What goes with TICKET_STREAM; they stay the stream's. */
const int *stream_fds(const struct stream *s);

#endif
