/* SPDX-License-Identifier: Apache-2.0 */
/* What one HTTP/2 connection may cost us beside its requests. Looks at the frames a peer sends before the
 * session does, so that nothing is too broken or too closed to be counted (T30-T34: rapid reset, floods of
 * PING, SETTINGS, PRIORITY, WINDOW_UPDATE, CONTINUATION, empty DATA, frames of unknown kinds; resets that
 * the peer makes us send). Pure: the time comes in. */
#ifndef HTTP_H2GUARD_H
#define HTTP_H2GUARD_H

#include "base/span.h"

/* Each has an allowance that fills up again with time, and with what the connection is there for. */
enum h2guard_kind {
	H2GUARD_CHATTER, /* frames that neither ask for anything nor bring anything */
	H2GUARD_RESETS,  /* requests taken back */
	H2GUARD_FAULTS,  /* what we had to refuse or to reset */
};
#define H2GUARD_KINDS (H2GUARD_FAULTS + 1)

enum h2guard_verdict {
	H2GUARD_FINE,
	H2GUARD_ASK,    /* is stream g->asked one that may still be sent to? */
	H2GUARD_ENOUGH, /* GOAWAY with ENHANCE_YOUR_CALM; g->spent says what of */
	H2GUARD_BROKEN, /* GOAWAY with PROTOCOL_ERROR */
};

/* CONTINUATION frames that one head may be spread over (T32): with the first frame four times as much as a
 * head may have. */
#define H2GUARD_CONTINUATIONS 8

#define H2GUARD_HEAD_MAX 13 /* a frame's head, and of PRIORITY what it depends on */

struct h2guard {
	int32_t left[H2GUARD_KINDS];
	enum h2guard_kind spent;
	uint64_t filled_ms;
	uint32_t skip; /* bytes of the preface or of a payload that are still to come */
	uint32_t asked;
	uint32_t newest; /* the highest stream so far */
	uint8_t head[H2GUARD_HEAD_MAX], head_n;
	uint8_t continued; /* CONTINUATION frames of the head that is open */
	bool open;         /* a HEADERS frame has come whose header block goes on in another */
	bool block;        /* the payload that comes is of a header block */
};

void h2guard_init(struct h2guard *g, uint64_t now_ms);
/* Bytes as they came, the preface first, from *at on; *at moves on. ASK: then only what lies before
 * bytes[*frame] is dealt with, and *at is behind the head of a frame that belongs to an older stream;
 * call it again. ENOUGH and BROKEN: nothing that was not dealt with before is to be used. */
enum h2guard_verdict h2guard_read(struct h2guard *g, struct mg_span bytes, uint64_t now_ms,
				  size_t *at, size_t *frame);
/* A request's head has begun and is not complete. */
bool h2guard_in_head(const struct h2guard *g);
/* False: the allowance is used up. */
bool h2guard_spend(struct h2guard *g, enum h2guard_kind kind, int32_t cost);
/* The whole answer to a request went out / so many bytes of an answer did. */
void h2guard_answered(struct h2guard *g);
void h2guard_sent(struct h2guard *g, size_t bytes);

#endif
