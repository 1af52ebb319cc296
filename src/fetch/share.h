/* SPDX-License-Identifier: Apache-2.0 */
/* Small answers that several lane threads want at about the same time: the first thread asks, the others
 * wait for what it gets, and what was got is kept for a few seconds. Any thread. */
#ifndef FETCH_SHARE_H
#define FETCH_SHARE_H

#include "base/buf.h"
#include "base/err.h"

struct share;

/* Gets the answer. Appends it to *out, which is empty. Blocks; no lock is held. */
typedef enum mg_code share_ask_fn(void *arg, struct mg_buf *out, struct mg_err *err);

struct share *share_new(uint32_t keep_ms);
void share_free(struct share **s); /* nobody may be asking */
/* Appends the answer for key, asked for by this thread or another: who asks for one key must be content
 * with an answer as long as out's maximum of any other who does. A failure is shared by those who waited
 * and not kept, but one who was canceled (MG_CANCELED) does not speak for the others. Who waits cannot be
 * canceled: his wait ends with the other's question. */
MG_CHECK enum mg_code share_get(struct share *s, struct mg_span key, share_ask_fn *ask, void *arg,
				struct mg_buf *out, struct mg_err *err);
/* Some of it was found to be wrong: who asks from now on is given nothing that was asked for before. Those
 * who wait already still get it. */
void share_clear(struct share *s);

#endif
