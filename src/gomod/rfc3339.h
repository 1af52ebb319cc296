/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as RFC 3339 §5.6 writes them. Any thread. */
#ifndef GOMOD_RFC3339_H
#define GOMOD_RFC3339_H

#include "base/span.h"

/* Whole seconds since 1970, UTC; fractions are dropped. False when s is no such moment: "T" and "Z"
 * in capitals, no leap second. */
bool rfc3339_parse(struct mg_span s, int64_t *unix_s_out);

#endif
