/* SPDX-License-Identifier: Apache-2.0 */
/* file:///abs/path URLs: a static tree as an origin, answered in the words of HTTP (protocol §1.12). */
#ifndef UPSTREAM_FILEURL_H
#define UPSTREAM_FILEURL_H

#include "upstream/upstream.h"

bool fileurl_is(struct mg_span url);
/* As upstream_get. Missing: status 404; permission denied: 403; the root missing, or an I/O error:
 * a failure, because then nothing is known of what the tree holds. Its text never names the path. */
MG_CHECK enum mg_code fileurl_get(const struct upstream_request *rq, struct upstream_answer *answer,
				  struct mg_err *err);

#endif
