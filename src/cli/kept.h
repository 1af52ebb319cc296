/* SPDX-License-Identifier: Apache-2.0 */
/* The upstreams of the last start, kept in the store, so that a service that is started without the
 * environment of the developer who tried it first still knows whom to ask. A list with credentials in
 * it is not kept: the store is readable to the process that serves the network. */
#ifndef CLI_KEPT_H
#define CLI_KEPT_H

#include "base/arena.h"
#include "base/err.h"

/* The kept GOPROXY list, or NULL. */
const char *kept_read(struct arena *a, const char *store);
/* The store must exist. Lists without an upstream, and lists with credentials, leave what is kept as it
 * is. Blocks. Failure (codes of err_errno) is for the log; the next start is merely told less. */
MG_CHECK enum mg_code kept_write(const char *store, const char *goproxy, struct mg_err *err);

#endif
