/* SPDX-License-Identifier: Apache-2.0 */
/* Blots secrets out of a URL for logs, records and error texts: user-info and the query's values. */
#ifndef UPSTREAM_REDACT_H
#define UPSTREAM_REDACT_H

#include "base/buf.h"

/* Works on any bytes, a well-formed URL or not. User-info and query are removed together with their
 * '@' and '?', so the same upstream with and without credentials reads the same. */
void redact_url(struct mg_span url, struct mg_buf *out);

#endif
