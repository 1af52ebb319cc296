/* SPDX-License-Identifier: Apache-2.0 */
/* Files with secrets: read anew for each use, so that what was rotated counts at once. Any thread. */
#ifndef VCS_SECRETFILE_H
#define VCS_SECRETFILE_H

#include "base/buf.h"
#include "base/err.h"

#define SECRETFILE_MAX (256u << 10)

/* Puts the file's bytes into *out, whose memory the caller wipes (secretfile_forget); *out must be
 * BUF_MAX(SECRETFILE_MAX + 1). MG_UNAVAILABLE with the path and what to do: it cannot be read, it is no file,
 * it is too large, or others than its owner may change it or others than its group may read it. */
MG_CHECK enum mg_code secretfile_read(const char *path, struct mg_buf *out, struct mg_err *err);
void secretfile_forget(struct mg_buf *bytes); /* wipes and frees */

#endif
