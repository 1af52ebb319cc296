/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629), for text that leaves the process: messages, log lines, JSON. Pure
 * functions, any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/span.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The length of the well-formed character at the front of s (not empty), and the character in
 * *point; 0 when the bytes there are none: overlong, a surrogate, above U+10FFFF, cut short. */
size_t utf8_decode(struct mg_span s, uint32_t *point);
/* C0, DEL, C1, and the line and paragraph separators: what may move a terminal's cursor. */
bool utf8_is_control(uint32_t point);

#endif
