/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP-date (RFC 9110 §5.6.7): written as IMF-fixdate, read in all three forms. */
#ifndef WIRE_HTTPDATE_H
#define WIRE_HTTPDATE_H

#include "base/span.h"

#define HTTPDATE_SIZE 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

void httpdate_format(int64_t wall_s, char out[HTTPDATE_SIZE]);
bool httpdate_parse(struct mg_span s, int64_t now_wall_s, int64_t *out);

#endif
