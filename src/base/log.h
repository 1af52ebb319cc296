/* SPDX-License-Identifier: Apache-2.0 */
/* Structured log lines, logfmt or JSON, to one descriptor. Callers never wait for the sink: a line
 * goes into a bounded ring, one thread writes it out; when the ring is full lines are dropped and
 * counted, and the count is logged. Before log_start (and in tests) lines are written directly.
 * Values are escaped here; user-info in URLs is blotted out here, so no secret passes this point. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/span.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};
enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON
};

struct log_field {
	const char *key;
	enum {
		LOG_STR,
		LOG_INT
	} kind;
	struct mg_span str;
	int64_t num;
};

#define LOG_S(k, v)  ((struct log_field){ .key = (k), .kind = LOG_STR, .str = span_of(v) })
#define LOG_SP(k, v) ((struct log_field){ .key = (k), .kind = LOG_STR, .str = (v) })
#define LOG_I(k, v)  ((struct log_field){ .key = (k), .kind = LOG_INT, .num = (int64_t)(v) })

/* role is the process's name in each line ("supervisor", "front", "fetch"). fd is not owned. */
void log_init(const char *role, int fd, enum log_level level, enum log_format format);
void log_start(void); /* starts the writer thread; after fork, in the process that logs */
void log_stop(void);  /* writes out what is queued (bounded wait), stops the thread */
bool log_enabled(enum log_level level);
uint64_t log_dropped(void);
/* One line: time, level, role, msg, then the fields in order. Any thread. */
void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n);

#define LOG_LINE(level, msg, ...)                                                                  \
	do {                                                                                       \
		if (log_enabled(level)) {                                                          \
			const struct log_field log_fields_[] = { __VA_ARGS__ };                    \
			log_write(level, msg, log_fields_,                                         \
				  sizeof log_fields_ / sizeof log_fields_[0]);                     \
		}                                                                                  \
	} while (0)
/* Each takes at least one field. */
#define log_debug(msg, ...) LOG_LINE(LOG_LEVEL_DEBUG, msg, __VA_ARGS__)
#define log_info(msg, ...)  LOG_LINE(LOG_LEVEL_INFO, msg, __VA_ARGS__)
#define log_warn(msg, ...)  LOG_LINE(LOG_LEVEL_WARN, msg, __VA_ARGS__)
#define log_error(msg, ...) LOG_LINE(LOG_LEVEL_ERROR, msg, __VA_ARGS__)

#endif
