/* SPDX-License-Identifier: Apache-2.0 */
/* The answers modgate words itself: failures with their reason in the form the go command shows
 * (protocol §1.9: text/plain, one line, at most 648 bytes, with the request's id), and small texts. */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include "base/err.h"
#include "http/exchange.h"
#include "http/reply.h"
#include "record/metrics.h"

/* "<class>: <subject>: <reason> [request <id>]". ttl_s > 0 lets caches repeat it for that long. */
struct reply *answer_error(const struct mg_err *err, struct mg_span subject, uint32_t ttl_s);
/* The same for our own people. request: the first one that asked for it; empty: nobody did. asker: one who is told;
 * NULL: nobody is. */
void answer_log(const struct mg_err *err, struct mg_span subject, struct mg_span request,
		const struct exchange *asker);
/* Counts an answer of r to something that was looked for; a good one as found there. */
void answer_count(const struct reply *r, enum metrics_lookup good);
/* PATH?go-get=1, as an upstream, or serve/importpage.h, has answered it. */
struct reply *answer_page(struct mg_span html);
/* What the checksum database has at path ("lookup/…", "tile/…", "latest"). changes: not for ever. */
struct reply *answer_sumdb(struct mg_span path, struct mg_span body, bool changes);
/* Any status with one line of text and optional further field lines ("Allow: GET, HEAD\r\n"). */
struct reply *answer_text(int status, struct mg_span line, struct mg_span fields);

#endif
