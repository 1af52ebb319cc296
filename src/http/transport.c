/* SPDX-License-Identifier: Apache-2.0 */
#include "http/transport.h"

#include <unistd.h>

/* What goes into one TLS record (RFC 8446 §5.1). */
#define RECORD_MAX 16384u

void transport_init(struct transport *t, int fd, struct tlsserver *tls)
{
	*t = (struct transport){ .fd = fd };
	if (tls != NULL) t->tls = tlsconn_new(tls, fd);
}

void transport_hangup(struct transport *t)
{
	if (t->tls != NULL) tlsconn_hangup(t->tls);
}

/* One record holds the end of the first and the beginning of the second: a record of its own for a short
 * head would be the larger half of the work. */
ssize_t transport_seal_two(struct transport *t, struct mg_span first, struct mg_span second)
{
	char record[RECORD_MAX];

	if (first.n >= sizeof record) return tlsconn_send(t->tls, first, true);
	struct mg_span part = span_first(second, sizeof record - first.n);
	memcpy(record, first.p, first.n);
	memcpy(record + first.n, part.p, part.n);
	return tlsconn_send(t->tls, span_make(record, first.n + part.n), part.n < second.n);
}

/* The caller knows that the pages are in memory, so this read does not wait. Asked again after EAGAIN it
 * reads the same bytes again, as libssl demands. */
ssize_t transport_seal_file(struct transport *t, int file, uint64_t at, size_t n)
{
	char record[RECORD_MAX];
	size_t want = n < sizeof record ? n : sizeof record;
	ssize_t got;

	do
		got = pread(file, record, want, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got < 0) return -1;
	if ((size_t)got == want) return tlsconn_send(t->tls, span_make(record, want), want < n);
	/* Truncated underneath: a promised byte does not exist. */
	errno = EIO;
	return -1;
}

void transport_finish(struct transport *t)
{
	if (t->tls != NULL) tlsconn_finish(t->tls);
	shutdown(t->fd, SHUT_WR);
}

void transport_close(struct transport *t, bool truncated)
{
	const struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	if (truncated)
		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	else if (t->tls != NULL)
		tlsconn_finish(t->tls);
	tlsconn_free(&t->tls);
	close(t->fd);
	t->fd = -1;
}
