/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP-date (RFC 9110 §5.6.7): written as IMF-fixdate, read in all three forms. Times are seconds since
 * 1970, UTC. Pure. */
#ifndef WIRE_HTTPDATE_H
#define WIRE_HTTPDATE_H

#include "base/span.h"

#define HTTPDATE_SIZE 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* No NUL. Years outside 0…9999 are clamped. */
void httpdate_format(int64_t wall_s, char out[HTTPDATE_SIZE]);
/* now_wall_s: for years of two digits, which are at most 50 years ahead. False when s is no HTTP-date;
 * *out is untouched then. */
bool httpdate_parse(struct mg_span s, int64_t now_wall_s, int64_t *out);

#endif
