/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to VERSION.info, a rev query and @latest: {"Version":"v1.2.3","Time":"…"} (protocol
 * §1.3). Any thread. */
#ifndef GOMOD_INFO_H
#define GOMOD_INFO_H

#include "base/arena.h"
#include "gomod/target.h"

struct info {
	struct mg_span version; /* canonical, fits the path */
	bool has_time;
	int64_t time_s; /* commit time, seconds since 1970; 0 without has_time */
};

/* Parses an upstream's answer to t (kinds INFO, QUERY, LATEST; asserted). What the go command would
 * reject, or accept and fail on later, is MG_CORRUPT: no JSON object, a malformed Time, a Version that
 * is not canonical, does not fit the path, or (INFO) is not the one asked for. Strings live in a. */
MG_CHECK enum mg_code info_parse(struct mg_span bytes, const struct target *t, struct arena *a,
				 struct info *out, struct mg_err *err);
/* Appends the JSON. */
void info_write(const struct info *info, struct mg_buf *out);

#endif
