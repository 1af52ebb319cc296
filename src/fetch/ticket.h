/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between front and fetch over a channel. Front asks with an order; fetch answers each
 * order with exactly one result, before which a stream and its progress may come; a cancel says that the
 * order's asker no longer waits (fetch may still answer). Encoded little-endian, lengths checked: either side may have been taken over. */
#ifndef FETCH_TICKET_H
#define FETCH_TICKET_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gomod/target.h"

/* Raised with each change that an older reader would misunderstand: after an upgrade the fronts of the old version
 * speak to the fetch of the new one. */
#define TICKET_FORMAT 1

enum ticket_type {
	TICKET_ORDER = 1,
	TICKET_CANCEL = 2,
	TICKET_RESULT = 3,
	TICKET_SEEN = 4, /* as an order, but no answer is wanted: front found it in the store */
	TICKET_FORGET =
		5, /* from fetch: something stored was damaged; what is held ready may be it */
	/* From fetch: what was ordered is on its way, and what there is of it may be sent before the
	 * result. With two descriptors: the file, to be read only, and a watermark. */
	TICKET_STREAM = 6,
	TICKET_PROGRESS = 7, /* from fetch, after a stream: its watermark has changed */
	TICKET_BACK = 8, /* from fetch, which is going: the order is not done, ask the next one */
};
#define TICKET_STREAM_FDS 2

enum ticket_order_flag {
	TICKET_REFRESH = 1u << 0, /* mutable target: ask the origins although a copy is stored */
	TICKET_DAMAGED =
		1u << 1, /* the stored copy failed its check: quarantine it and fetch again */
	TICKET_SUMDB =
		1u
		<< 3, /* not a target: of the checksum database; path: "lookup/…", "tile/…", "latest" */
	TICKET_UNPROVEN = 1u << 4, /* the stored copy is not proven yet */
	/* Not a target: a webhook (fetch/hook.h). path: its kind, version: its signature; with a descriptor: a
	 * file of its body. */
	TICKET_HOOK = 1u << 5,
	TICKET_GO_GET =
		1u << 2, /* not a target: PATH?go-get=1 passed through; path holds the URL path */
};

#define TICKET_FLAGS                                                                               \
	(TICKET_REFRESH | TICKET_DAMAGED | TICKET_GO_GET | TICKET_SUMDB | TICKET_UNPROVEN |        \
	 TICKET_HOOK)

struct ticket {
	enum ticket_type type;
	uint32_t id; /* chosen by front, unique among its open orders on this channel; FORGET: 0 */

	/* ORDER */
	uint32_t flags;
	enum target_kind kind;
	struct mg_span path; /* module path, unescaped */
	struct mg_span version;
	struct mg_span request_id;
	struct mg_span via; /* the Via value of the request that caused it; may be empty */

	/* STREAM */
	uint64_t size; /* of the whole file */

	/* RESULT */
	enum mg_code code; /* MG_OK: the artifact is in the store (GO_GET, SUMDB, HOOK: in body) */
	enum mg_cause cause;
	uint32_t ttl_ms; /* failures: how long this answer may be repeated without asking again */
	bool stale; /* MG_OK for a mutable target: no origin could be asked, the stored copy stands */
	uint32_t retry_after_s;
	struct mg_span text; /* failures: the reason, one line */
	struct mg_span body; /* GO_GET and SUMDB only */
};

void ticket_encode(const struct ticket *t, struct mg_buf *out);
/* Spans point into message. False: malformed. */
bool ticket_decode(struct mg_span message, struct ticket *out);
/* Appends what an order is about: orders with the same are served by one flight. */
void ticket_key(const struct ticket *t, struct mg_buf *out);

#endif
