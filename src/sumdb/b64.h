/* SPDX-License-Identifier: Apache-2.0 */
/* Standard base64 (RFC 4648 §4) with the freedoms that Go's decoder takes: line breaks between the
 * digits are skipped, and bits behind the last byte need not be zero. Notes are judged by what Go makes
 * of them, so it has to be the same. Encoding is hex_base64_encode. Any thread. */
#ifndef SUMDB_B64_H
#define SUMDB_B64_H

#include "base/buf.h"

/* Appends what was decoded. False when s is malformed or *out has no room; *out then holds a part. */
bool b64_decode(struct mg_span s, struct mg_buf *out);
/* The same for exactly n bytes. */
bool b64_decode_exact(struct mg_span s, void *out, size_t n);

#endif
