/* SPDX-License-Identifier: Apache-2.0 */
/* What the front serves TLS with, as the supervisor hands it over. Lives on one loop; what it gives out is
 * for all (tls/tlsserver.h). Internal to serve. */
#ifndef SERVE_CERTIFICATES_H
#define SERVE_CERTIFICATES_H

#include "base/err.h"
#include "tls/tlsserver.h"

struct certificates {
	struct ticketkeys *tickets;
	struct tlsserver *now; /* NULL: none yet */
	uint32_t ticket_life_s;
};

void certificates_init(struct certificates *c, uint64_t ticket_rotate_ms);
void certificates_deinit(struct certificates *c);
/* From a memfd with a bundle, which stays the caller's. On failure what there was stays. */
MG_CHECK enum mg_code certificates_load(struct certificates *c, int fd, struct mg_err *err);

#endif
