/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1.1 request (RFC 9112 §2–3, §5; RFC 9110 §5). Strict: what two parsers might
 * read in two ways is refused (T35). Pure function of bytes. */
#ifndef WIRE_HEAD_H
#define WIRE_HEAD_H

#include "base/span.h"

enum head_method {
	HEAD_GET,
	HEAD_HEAD,
	HEAD_POST,
	HEAD_OPTIONS,
	HEAD_OTHER
};

/* Fields the server acts on, found while parsing, so that no handler searches. */
enum head_field {
	HEAD_FIELD_HOST,
	HEAD_FIELD_IF_NONE_MATCH,
	HEAD_FIELD_IF_MODIFIED_SINCE,
	HEAD_FIELD_RANGE,
	HEAD_FIELD_IF_RANGE,
	HEAD_FIELD_AUTHORIZATION,
	HEAD_FIELD_USER_AGENT,
	HEAD_FIELD_VIA,
	HEAD_FIELD_DISABLE_MODULE_FETCH,
	HEAD_FIELD_X_FORWARDED_FOR,
	HEAD_FIELD_FORWARDED,
	HEAD_FIELD_X_REQUEST_ID,
	HEAD_FIELD_HOOK_SIGNATURE, /* X-Hub-Signature-256, X-Gitlab-Token or X-Gitea-Signature */
	HEAD_FIELD_COUNT
};

/* Of a field that comes several times: the last X-Forwarded-For and Forwarded (the nearest proxy's word),
 * the first User-Agent, Via, X-Request-Id, and signature of a hook; each other field above twice is refused, for the lines could not
 * be joined without changing their meaning, or (If-None-Match) without allocating. */

struct head {
	enum head_method method;
	struct mg_span method_name;
	struct mg_span target; /* origin-form: path and query, as received; "*" for OPTIONS * */
	struct mg_span path;   /* target before '?' */
	struct mg_span query;  /* after '?'; p == NULL when there is none */
	unsigned minor;        /* HTTP/1.minor: 0 or 1 */
	bool keep_alive;
	bool expect_continue;
	bool chunked;            /* Transfer-Encoding: chunked, the only coding accepted */
	uint64_t content_length; /* 0 when absent */
	struct mg_span field[HEAD_FIELD_COUNT]; /* p == NULL when absent; OWS trimmed */
};

#define HEAD_MAX_BYTES  (32u << 10)
#define HEAD_MAX_TARGET (16u << 10)
#define HEAD_MAX_FIELDS 100

enum head_result {
	HEAD_DONE, /* *used bytes made a head */
	HEAD_MORE, /* no complete head yet */
	HEAD_BAD,  /* answer *status with *reason and close */
};

/* bytes: all that was read of this head so far. scanned: in/out, where the last search for the end
 * stopped (0 at first), so that a slow sender costs no quadratic time. Spans in *out point into bytes.
 * On HEAD_BAD *status is 400, 414, 417, 431, 501 or 505 and *reason a static sentence.
 * An absolute-form target (http:// or https://) is replaced by its path and query, and its authority
 * replaces Host (RFC 9112 §3.2.2). */
enum head_result head_parse(struct mg_span bytes, size_t *scanned, struct head *out, size_t *used,
			    int *status, const char **reason);

/* Of a method's name, which is case-sensitive. */
enum head_method head_method_of(struct mg_span name);

#endif
