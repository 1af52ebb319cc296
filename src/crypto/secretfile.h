/* SPDX-License-Identifier: Apache-2.0 */
/* Files with secrets: read anew for each use, so that what was rotated counts at once. One rule holds for all of
 * them: nobody but the owner and the group may read one, nobody but the owner may change it. Any thread. */
#ifndef CRYPTO_SECRETFILE_H
#define CRYPTO_SECRETFILE_H

#include "base/buf.h"
#include "base/err.h"

#define SECRETFILE_MAX (256u << 10)

/* MG_DENIED, with the path and what to do, when a file of this mode (stat) can be no secret. */
MG_CHECK enum mg_code secretfile_check_mode(const char *path, unsigned mode, struct mg_err *err);
/* Puts the file's bytes into *out, whose memory the caller wipes (secretfile_forget); *out must be
 * BUF_MAX(SECRETFILE_MAX + 1). MG_UNAVAILABLE (cause auth) with the path and what to do: it cannot be read, it is no
 * file, it is too large, or the rule does not hold. */
MG_CHECK enum mg_code secretfile_read(const char *path, struct mg_buf *out, struct mg_err *err);
/* Appends the secret in a file that has one line, without white space around it. MG_UNAVAILABLE as secretfile_read, and
 * for what is no line of text that a field of a request may hold. The caller forgets *out. */
MG_CHECK enum mg_code secretfile_read_line(const char *path, struct mg_buf *out,
					   struct mg_err *err);
void secretfile_forget(struct mg_buf *bytes); /* wipes and frees */

#endif
