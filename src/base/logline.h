/* SPDX-License-Identifier: Apache-2.0 */
/* The text of one log line. Pure: bytes to bytes. */
#ifndef BASE_LOGLINE_H
#define BASE_LOGLINE_H

#include "base/log.h"

/* Of a line: fields that do not fit are left out, and truncated=1 says so. */
#define LOGLINE_MAX 8192
/* Of a value as written: a longer one is cut and ends in "…". */
#define LOGLINE_VALUE_MAX 2048

struct logline {
	char text[LOGLINE_MAX]; /* ends in '\n' */
	size_t n;
};

/* wall_ms: milliseconds since 1970. Bytes that are no UTF-8 become U+FFFD, control characters are
 * escaped, and what stands between "://" and the last '@' of an authority (RFC 3986 §3.2) becomes
 * "***". */
void logline_make(struct logline *line, enum log_format format, int64_t wall_ms, const char *role,
		  enum log_level level, const char *msg, const struct log_field *fields, size_t n);

#endif
