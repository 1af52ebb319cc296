/* SPDX-License-Identifier: Apache-2.0 */
/* Go string literals (go.dev/ref/spec#String_literals). Any thread. */
#ifndef GOMOD_GOQUOTE_H
#define GOMOD_GOQUOTE_H

#include "base/buf.h"

/* Appends the value of a literal in double or back quotes, as Go's strconv.Unquote has it (bytes that
 * are no UTF-8 become U+FFFD in double quotes). The value is never longer than three times the
 * literal. False, with nothing appended, when s is no such literal. */
bool goquote_unquote(struct mg_span s, struct mg_buf *out);

#endif
