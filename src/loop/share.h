/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that several threads want at about the same time: the first thread asks, the others wait for what it
 * gets, and what was got is kept for a while. Any thread. */
#ifndef LOOP_SHARE_H
#define LOOP_SHARE_H

#include "base/buf.h"
#include "base/err.h"
#include "loop/cancel.h"

struct share;

struct share_options {
	uint32_t keep_ms;   /* how long an answer is kept; 0: only those who wait for it get it */
	uint32_t absent_ms; /* so long MG_NOT_FOUND and MG_INVALID, which say that there is none */
	size_t max;         /* that many are kept; beyond it the oldest go */
};

/* Gets the answer. Appends it to *out, which is empty. Blocks; no lock is held. */
typedef enum mg_code share_ask_fn(void *arg, struct mg_buf *out, struct mg_err *err);

struct share *share_new(const struct share_options *options);
void share_free(struct share **s); /* nobody may be asking */
/* Appends the answer for key, asked for by this thread or another: who asks for one key must be content
 * with an answer as long as out's maximum of any other who does. A failure is shared by those who waited, but one
 * who was canceled (MG_CANCELED) does not speak for the others; faults are not kept. Who waits for another thread is heard to
 * be canceled within 100 ms (cancel may be NULL). */
MG_CHECK enum mg_code share_get(struct share *s, struct mg_span key, const struct cancel *cancel,
				share_ask_fn *ask, void *arg, struct mg_buf *out,
				struct mg_err *err);
/* Some of it was found to be wrong: who asks from now on is given nothing that was asked for before. Those
 * who wait already still get it. */
void share_clear(struct share *s);

#endif
