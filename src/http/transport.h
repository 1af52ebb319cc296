/* SPDX-License-Identifier: Apache-2.0 */
/* What a session reads from and writes to. Never blocks; the loop's thread. Inline, because these are the
 * system calls of every request. */
#ifndef HTTP_TRANSPORT_H
#define HTTP_TRANSPORT_H

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "base/span.h"
#include "tls/tlsconn.h"

struct transport {
	int fd;              /* owned */
	struct tlsconn *tls; /* NULL: plain */
};

/* All calls that move bytes: how many, or -1 with errno, EAGAIN when the socket must be waited for. What
 * was not sent is offered again from its first byte on; more may then stand behind it. */

/* At most n bytes. Fewer than n: no more are at hand, unless transport_pending. 0: the peer's end. EPROTO:
 * TLS failed, and the peer was told why. */
static inline ssize_t transport_recv(struct transport *t, char *to, size_t n)
{
	ssize_t got;

	if (t->tls != NULL) return tlsconn_recv(t->tls, to, n);
	do
		got = recv(t->fd, to, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

/* more: something follows at once, so a packet that is not full may wait for it. */
static inline ssize_t transport_send(struct transport *t, struct mg_span bytes, bool more)
{
	if (t->tls != NULL) return tlsconn_send(t->tls, bytes, more);
	return send(t->fd, bytes.p, bytes.n, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

ssize_t transport_seal_two(struct transport *t, struct mg_span first, struct mg_span second);
ssize_t transport_seal_file(struct transport *t, int file, uint64_t at, size_t n);

/* Two pieces, one behind the other. */
static inline ssize_t transport_send_two(struct transport *t, struct mg_span first,
					 struct mg_span second)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)first.p, first.n },
				{ (void *)(uintptr_t)second.p, second.n } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (t->tls != NULL) return transport_seal_two(t, first, second);
	return sendmsg(t->fd, &msg, MSG_NOSIGNAL);
}

/* n bytes of a file from at on, which the caller knows to be in memory. EIO: the file is shorter. */
static inline ssize_t transport_send_file(struct transport *t, int file, uint64_t at, size_t n)
{
	off_t from = (off_t)at;

	if (t->tls != NULL) return transport_seal_file(t, file, at, n);
	ssize_t sent = sendfile(t->fd, file, &from, n);
	if (sent != 0) return sent;
	/* Truncated underneath: a promised byte does not exist. */
	errno = EIO;
	return -1;
}

/* More may be at hand that the socket will not announce: transport_recv again, in a later turn. */
static inline bool transport_pending(const struct transport *t)
{
	return t->tls != NULL && tlsconn_pending(t->tls);
}
/* After EAGAIN of transport_recv: it needs the socket to be writable. */
static inline bool transport_wants_write(const struct transport *t)
{
	return t->tls != NULL && tlsconn_wants_write(t->tls);
}
/* A TLS handshake is to be done or under way, in transport_recv: dear. */
static inline bool transport_greets(const struct transport *t)
{
	return t->tls != NULL && !tlsconn_open(t->tls);
}

/* Bytes that the system still keeps for the peer: sent, and not acknowledged. */
static inline int transport_unsent(const struct transport *t)
{
	int n = 0;

	return ioctl(t->fd, TIOCOUTQ, &n) == 0 ? n : 0;
}

/* Takes a connected, non-blocking socket over. tls: NULL for a plain one; a reference is taken. */
void transport_init(struct transport *t, int fd, struct tlsserver *tls);
/* The peer's end was announced (LOOP_HANGUP). */
void transport_hangup(struct transport *t);
/* We send no more; what the peer still sends can be received. */
void transport_finish(struct transport *t);
/* Closes. truncated: what was sent is not the whole, and the peer must notice: a reset, no farewell. */
void transport_close(struct transport *t, bool truncated);

#endif
