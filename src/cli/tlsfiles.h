/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the tls settings name. The supervisor reads and checks them, since front may neither: they
 * may be root's alone, and front is confined. Blocks for a moment. */
#ifndef CLI_TLSFILES_H
#define CLI_TLSFILES_H

#include "cli/settings.h"

/* Reads all, checks that everything fits together, tells the log what is served from now on and what will
 * not last. *fd_out: a sealed memfd with a bundle (tls/bundle.h), the caller's. A failure names the setting,
 * the file and what is wrong. */
MG_CHECK enum mg_code tlsfiles_load(const struct settings *s, int *fd_out, struct mg_err *err);
/* Changes when one of the files does, or is another one now: links are followed. */
uint64_t tlsfiles_stamp(const struct settings *s);

#endif
