/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/certificates.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum mg_code read_memfd(int fd, struct mg_buf *out, struct mg_err *err)
{
	struct stat st;
	ssize_t n = 0;

	if (fstat(fd, &st) != 0)
		return err_errno(err, errno, "cannot read the certificates from the supervisor");
	/* One block: growing would leave copies of a key behind. At offsets of our own: the position is
	 * shared with the supervisor. */
	char *room = buf_reserve(out, (size_t)st.st_size);
	while (room != NULL && out->n < (size_t)st.st_size &&
	       (n = pread(fd, room + out->n, (size_t)st.st_size - out->n, (off_t)out->n)) > 0)
		out->n += (size_t)n;
	if (room == NULL || n <= 0)
		return err_set(err, MG_INTERNAL, MG_CAUSE_TLS,
			       "cannot read the certificates from the supervisor");
	return MG_OK;
}

enum mg_code certificates_load(struct certificates *c, int fd, struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(BUNDLE_BYTES_MAX);
	const struct tlsserver_options options = { .h2 = true,
						   .tickets = c->tickets,
						   .ticket_life_s = c->ticket_life_s };
	struct tlsserver *fresh;
	struct bundle b;
	enum mg_code rc = read_memfd(fd, &bytes, err);

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
