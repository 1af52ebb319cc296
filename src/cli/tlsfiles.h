/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the tls settings name. The supervisor reads and checks them, since front may neither: they
 * may be root's alone, and front is confined. Blocks for a moment. */
#ifndef CLI_TLSFILES_H
#define CLI_TLSFILES_H

#include "cli/settings.h"

/* In tls.ocsp: the answer is asked of the certificate's authority. */
#define TLSFILES_FETCH "fetch"

#define TLSFILES_NONE ((struct tlsfiles){ .bundle_fd = -1, .asked_fd = -1 })

struct tlsfiles {
	int bundle_fd; /* a sealed memfd with a bundle (tls/bundle.h), for front */
	int asked_fd; /* the same without keys: the certificates whose OCSP answers fetch gets; -1: none */
};

/* Reads all, checks that everything fits together, tells the log what is served from now on and what will
 * not last. The descriptors are the caller's. A failure names the setting, the file and what is wrong. OCSP
 * answers that fetch has got are passed on unread: they are from the network, and front looks at them. */
MG_CHECK enum mg_code tlsfiles_load(const struct settings *s, struct tlsfiles *out,
				    struct mg_err *err);
/* Other descriptors of the same. */
MG_CHECK enum mg_code tlsfiles_copy(const struct tlsfiles *from, struct tlsfiles *out,
				    struct mg_err *err);
/* Twice does no harm. */
void tlsfiles_close(struct tlsfiles *t);
/* Changes when one of the files does, or is another one now: links are followed. Fetched answers count too. */
uint64_t tlsfiles_stamp(const struct settings *s);

#endif
