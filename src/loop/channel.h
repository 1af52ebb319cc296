/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between modgate's processes: a SOCK_SEQPACKET socket pair, one message a packet, file
 * descriptors may ride along (SCM_RIGHTS). Messages are queued while the socket is full; a peer that lets
 * the queue grow beyond its bound is treated as gone. The loop's thread only, but for channel_pair. */
#ifndef LOOP_CHANNEL_H
#define LOOP_CHANNEL_H

#include "base/span.h"
#include "loop/loop.h"

#define CHANNEL_MESSAGE_MAX (96u << 10)
#define CHANNEL_FDS_MAX     32

struct channel;

/* message is valid during the call. fds the receiver takes it sets to -1; the others are closed after
 * the call. The channel may be freed inside. */
typedef void channel_message_fn(void *arg, struct mg_span message, int *fds, size_t fd_count);
/* The other side is gone; no callback after this one; the owner frees the channel (may do it here). */
typedef void channel_closed_fn(void *arg);

/* Two connected ends, close-on-exec, non-blocking. 0, or -1 with errno. */
int channel_pair(int ends[2]);
/* Takes over fd (non-blocking). Callbacks come on l, none of them inline. */
struct channel *channel_new(struct loop *l, int fd, channel_message_fn *on_message,
			    channel_closed_fn *on_closed, void *arg);
void channel_free(struct channel **ch); /* no callback after; what is queued is dropped */
/* Never blocks and never calls back inline. fds stay the caller's (duplicated by the kernel; when the
 * message must be queued, by us). A closed channel swallows the message. */
void channel_send(struct channel *ch, struct mg_span message, const int *fds, size_t fd_count);
/* Bytes of memory that messages hold which the socket did not take yet. At 32 MiB the channel is cut. */
size_t channel_queued(const struct channel *ch);

#endif
