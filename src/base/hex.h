/* SPDX-License-Identifier: Apache-2.0 */
/* Lower-case hexadecimal and standard padded base64 (RFC 4648 §8, §4). Pure functions, any thread; the
 * decoders return false, and leave the output as it was, for what the encoders do not write. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/buf.h"

void hex_encode(const void *bytes, size_t n, char *out);    /* 2n characters, no NUL */
bool hex_decode(struct mg_span s, void *out, size_t out_n); /* exactly 2*out_n, lower case only */
void hex_base64_encode(struct mg_span bytes, struct mg_buf *out);
bool hex_base64_decode(struct mg_span s, struct mg_buf *out); /* strict: padding, no other bytes */

#endif
