/* SPDX-License-Identifier: Apache-2.0 */
/* JSON by jansson: duplicate keys refused, 1 MiB and 16 levels at most, no bytes after the value.
 * A small read-only view, so that jansson's types stay in this room. A document is read by one thread at
 * a time. */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include "base/buf.h"
#include "base/err.h"

struct json; /* a value; children and strings belong to the root */

/* *out: the root, the caller's to free; untouched on failure. MG_INVALID with line and column. */
MG_CHECK enum mg_code json_parse(struct mg_span bytes, struct json **out, struct mg_err *err);
void json_free(struct json **root); /* NULL is allowed; *root is NULL after */
/* Members of an object; NULL when j is no object or has no such member (or j is NULL). */
const struct json *json_member(const struct json *j, const char *key);
size_t json_count(const struct json *j);                    /* of an array or object; 0 otherwise */
const struct json *json_at(const struct json *j, size_t i); /* of an array */
/* false when j is of another type; *out is untouched then. */
bool json_as_string(const struct json *j, struct mg_span *out);
bool json_as_int(const struct json *j, int64_t *out);
bool json_as_bool(const struct json *j, bool *out);
/* Writing: appends s as a JSON string with its quotes (invalid UTF-8 becomes U+FFFD). */
void json_quote(struct mg_span s, struct mg_buf *out);

#endif
