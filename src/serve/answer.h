/* SPDX-License-Identifier: Apache-2.0 */
/* The answers modgate words itself: failures with their reason in the form the go command shows
 * (protocol §1.9: text/plain, one line, at most 648 bytes, with the request's id), and small texts. */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include "base/err.h"
#include "http/reply.h"

/* "<class>: <subject>: <reason> [request <id>]". ttl_s > 0 lets caches repeat it for that long. */
struct reply *answer_error(const struct mg_err *err, struct mg_span subject, uint32_t ttl_s);
/* Any status with one line of text and optional further field lines ("Allow: GET, HEAD\r\n"). */
struct reply *answer_text(int status, struct mg_span line, struct mg_span fields);

#endif
