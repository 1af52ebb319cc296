/* SPDX-License-Identifier: Apache-2.0 */
/* One question to one proxy, and what its status means in our taxonomy. Blocks; lane thread. */
#ifndef FETCH_ASK_H
#define FETCH_ASK_H

#include "fetch/job.h"

/* How an origin (redacted) is called in what go users read: its URL, but a folder of this machine is no
 * business of theirs. */
const char *ask_name(const char *origin);
/* GET of url below proxy into the sink. framed (or NULL) as upstream_answer. MG_OK only for 200. A 404 or
 * 410 is MG_NOT_FOUND, a 401, 403 or 451 MG_DENIED, anything else a fault; the text quotes the proxy's own
 * reason where it gave one. */
MG_CHECK enum mg_code ask_url(const struct job *j, const struct proxylist_entry *proxy,
			      struct mg_span url, uint64_t max_bytes,
			      const struct upstream_sink *sink, bool *framed, struct mg_err *err);
/* The same for proxy's URL with path behind it (and its query), into memory: out is cleared first, its
 * maximum counts. */
MG_CHECK enum mg_code ask_path(const struct job *j, const struct proxylist_entry *proxy,
			       struct mg_span path, struct mg_buf *out, struct mg_err *err);
/* The same for a target, into memory (out is cleared first; its maximum counts). */
MG_CHECK enum mg_code ask_target(const struct job *j, const struct proxylist_entry *proxy,
				 const struct target *t, struct mg_buf *out, struct mg_err *err);

#endif
