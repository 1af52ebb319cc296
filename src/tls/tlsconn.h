/* SPDX-License-Identifier: Apache-2.0 */
/* The server's end of one TLS connection on a non-blocking socket. The handshake happens inside
 * tlsconn_recv. One thread at a time; never blocks. */
#ifndef TLS_TLSCONN_H
#define TLS_TLSCONN_H

#include <sys/types.h>

#include "base/span.h"
#include "tls/tlsserver.h"

struct tlsconn;

/* fd stays the caller's, open until tlsconn_free. Takes a reference of its own. A peer that says nothing
 * costs no more than this handle. */
struct tlsconn *tlsconn_new(struct tlsserver *sv, int fd);
/* Frees; nothing is sent. */
void tlsconn_free(struct tlsconn **c);

/* Nothing has begun, and the peer's first message is not all there, nor in vain: tlsconn_recv would have to keep
 * memory for what may never come. */
bool tlsconn_too_early(const struct tlsconn *c);
/* At most n bytes. 0: the peer has said that it ends. -1 with errno: EAGAIN (see what it waits for
 * below), EPROTO (the peer broke the protocol or cannot agree with us; it was sent an alert),
 * ECONNRESET (cut without the peer's saying so, or by us). Fewer than n: no more are at hand, unless tlsconn_pending. */
ssize_t tlsconn_recv(struct tlsconn *c, char *to, size_t n);
/* What the last tlsconn_recv left: more may be at hand that the socket will not announce. */
bool tlsconn_pending(const struct tlsconn *c);
/* The last tlsconn_recv needs the socket to be writable to go on. */
bool tlsconn_wants_write(const struct tlsconn *c);
/* The peer's end was announced: from now on tlsconn_recv reads until it meets it. */
void tlsconn_hangup(struct tlsconn *c);

/* How many bytes were taken, or -1 with errno (EAGAIN, EPIPE). What was not is offered again from its
 * first byte on, with no fewer bytes. more: something follows at once. */
ssize_t tlsconn_send(struct tlsconn *c, struct mg_span bytes, bool more);
/* Says that we end (close_notify), so that the peer knows it has all. What it still sends can be received,
 * and is not looked at any more. Nothing before the handshake's end, or when the connection is broken. */
void tlsconn_finish(struct tlsconn *c);

/* Why the connection is broken, for the log; "" when it is not. Static text. */
const char *tlsconn_fault(const struct tlsconn *c);
/* It is broken because its peer speaks HTTP in the clear. */
bool tlsconn_heard_http(const struct tlsconn *c);
/* The handshake is under way. */
bool tlsconn_begun(const struct tlsconn *c);
/* The handshake is over. */
bool tlsconn_open(const struct tlsconn *c);
/* HTTP/2 was agreed on. */
bool tlsconn_h2(const struct tlsconn *c);
/* The subject of the peer's certificate, verified, as RFC 2253 text; 0: it showed none. Cut at size - 1 and
 * NUL-terminated. */
size_t tlsconn_subject(const struct tlsconn *c, char *out, size_t size);

#endif
