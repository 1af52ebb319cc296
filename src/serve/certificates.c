/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/certificates.h"

#include "crypto/wipe.h"

void certificates_init(struct certificates *c, uint64_t ticket_rotate_ms)
{
	*c = (struct certificates){ .tickets = ticketkeys_new(ticket_rotate_ms),
				    .ticket_life_s = (uint32_t)(ticket_rotate_ms / 1000) };
}

void certificates_deinit(struct certificates *c)
{
	tlsserver_unref(&c->now);
	ticketkeys_free(&c->tickets);
}

enum mg_code certificates_load(struct certificates *c, int fd, struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(BUNDLE_BYTES_MAX);
	const struct tlsserver_options options = { .h2 = true,
						   .tickets = c->tickets,
						   .ticket_life_s = c->ticket_life_s };
	struct tlsserver *fresh;
	struct bundle b;
	enum mg_code rc = bundle_read(fd, &bytes, err);

	if (rc == MG_OK) rc = bundle_decode(buf_span(&bytes), &b, err);
	if (rc == MG_OK) rc = tlsserver_new(&b, &options, &fresh, err);
	if (bytes.n > 0) wipe_bytes(bytes.p, bytes.n);
	buf_deinit(&bytes);
	if (rc != MG_OK) return rc;
	/* Who was let in by the old authorities must show itself again. */
	if (c->now != NULL && !tlsserver_same_policy(c->now, fresh)) ticketkeys_forget(c->tickets);
	tlsserver_unref(&c->now);
	c->now = fresh;
	return MG_OK;
}
