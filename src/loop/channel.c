/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/list.h"

/* A peer that lets this much pile up is stuck or hostile; the channel is cut. */
#define CHANNEL_QUEUE_MAX (32u << 20)
/* Messages taken in one turn, so that a busy peer leaves the loop to others. */
#define CHANNEL_TURN 64

struct packet {
	struct list node;
	size_t n;
	size_t fd_count;
	int fds[CHANNEL_FDS_MAX];
	char bytes[];
};

struct channel {
	int fd;
	struct loop_io *io;
	channel_message_fn *on_message;
	channel_closed_fn *on_closed;
	void *arg;
	bool cut;          /* nothing is sent any more; the end will be read from the socket */
	struct list queue; /* struct packet, while the socket is full */
	size_t queued;     /* the memory it holds */
	bool *freed;       /* set by channel_free while a callback is on the stack */
	char *inbox;       /* CHANNEL_MESSAGE_MAX */
};

union control {
	char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
	struct cmsghdr align;
};

int channel_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

static void packet_free(struct packet *p)
{
	for (size_t i = 0; i < p->fd_count; i++)
		close(p->fds[i]);
	list_remove(&p->node);
	free(p);
}

static void drop_queue(struct channel *ch)
{
	while (!list_empty(&ch->queue))
		packet_free(LIST_OWNER(list_first(&ch->queue), struct packet, node));
	ch->queued = 0;
}

/* The end is always told by the socket itself, so that no sender is called back inline. */
static void cut(struct channel *ch)
{
	ch->cut = true;
	drop_queue(ch);
	loop_io_want(ch->io, LOOP_READ);
	shutdown(ch->fd, SHUT_RDWR);
}

/* 1 sent, 0 the socket is full, -1 the channel is broken. */
static int send_packet(int fd, struct mg_span bytes, const int *fds, size_t fd_count)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	for (;;) {
		if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 1;
		if (errno == EAGAIN) return 0;
		if (errno != EINTR) return -1;
	}
}

static size_t packet_cost(size_t n)
{
	return sizeof(struct packet) + n;
}

static bool enqueue(struct channel *ch, struct mg_span message, const int *fds, size_t fd_count)
{
	if (ch->queued + packet_cost(message.n) > CHANNEL_QUEUE_MAX) return false;
	struct packet *p = check_malloc(sizeof *p + message.n);
	p->n = message.n;
	p->fd_count = 0;
	list_init(&p->node);
	memcpy(p->bytes, message.p, message.n);
	for (size_t i = 0; i < fd_count; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (fd < 0) {
			packet_free(p);
			return false;
		}
		p->fds[p->fd_count++] = fd;
	}
	list_append(&ch->queue, &p->node);
	ch->queued += packet_cost(p->n);
	return true;
}

void channel_send(struct channel *ch, struct mg_span message, const int *fds, size_t fd_count)
{
	/* An empty packet would read as the end. */
	MG_ASSERT(message.n > 0 && message.n <= CHANNEL_MESSAGE_MAX && fd_count <= CHANNEL_FDS_MAX);
	if (ch->cut) return;
	int sent = list_empty(&ch->queue) ? send_packet(ch->fd, message, fds, fd_count) : 0;
	if (sent > 0) return;
	if (sent < 0 || !enqueue(ch, message, fds, fd_count)) {
		cut(ch);
		return;
	}
	loop_io_want(ch->io, LOOP_READ | LOOP_WRITE);
}

static void flush(struct channel *ch)
{
	while (!list_empty(&ch->queue)) {
		struct packet *p = LIST_OWNER(list_first(&ch->queue), struct packet, node);
		int sent = send_packet(ch->fd, span_make(p->bytes, p->n), p->fds, p->fd_count);
		if (sent == 0) return;
		if (sent < 0) {
			cut(ch);
			return;
		}
		ch->queued -= packet_cost(p->n);
		packet_free(p);
	}
	loop_io_want(ch->io, LOOP_READ);
}

static size_t take_fds(struct msghdr *msg, int fds[CHANNEL_FDS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		MG_ASSERT(n + count <= CHANNEL_FDS_MAX);
		memcpy(fds + n, CMSG_DATA(c), count * sizeof(int));
		n += count;
	}
	return n;
}

enum got {
	GOT_MESSAGE,
	GOT_NOTHING,
	GOT_END
};

static enum got receive(struct channel *ch, size_t *n, int fds[CHANNEL_FDS_MAX], size_t *fd_count)
{
	union control control;
	struct iovec iov = { .iov_base = ch->inbox, .iov_len = CHANNEL_MESSAGE_MAX };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof control.bytes };
	ssize_t got;

	do
		got = recvmsg(ch->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*n = 0;
	*fd_count = 0;
	if (got < 0) return errno == EAGAIN ? GOT_NOTHING : GOT_END;
	*fd_count = take_fds(&msg, fds);
	if (got == 0) return GOT_END;
	/* Neither is possible between two modgates: the peer is not what it should be. */
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) return GOT_END;
	*n = (size_t)got;
	return GOT_MESSAGE;
}

static void close_fds(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0) close(fds[i]);
}

static void read_messages(struct channel *ch)
{
	int fds[CHANNEL_FDS_MAX];
	size_t n, fd_count;
	bool freed = false;

	ch->freed = &freed;
	for (int turn = 0; turn < CHANNEL_TURN; turn++) {
		enum got got = receive(ch, &n, fds, &fd_count);
		if (got == GOT_NOTHING) break;
		if (got == GOT_END) {
			close_fds(fds, fd_count);
			ch->cut = true;
			drop_queue(ch);
			loop_io_want(ch->io, 0);
			ch->freed = NULL;
			ch->on_closed(ch->arg);
			return;
		}
		ch->on_message(ch->arg, span_make(ch->inbox, n), fds, fd_count);
		close_fds(fds, fd_count);
		if (freed) return;
	}
	ch->freed = NULL;
}

static void on_io(void *arg, unsigned events)
{
	struct channel *ch = arg;

	if ((events & LOOP_WRITE) && !ch->cut) flush(ch);
	if (events & LOOP_READ) read_messages(ch);
}

struct channel *channel_new(struct loop *l, int fd, channel_message_fn *on_message,
			    channel_closed_fn *on_closed, void *arg)
{
	struct channel *ch = check_calloc(1, sizeof *ch);

	ch->fd = fd;
	ch->on_message = on_message;
	ch->on_closed = on_closed;
	ch->arg = arg;
	ch->inbox = check_malloc(CHANNEL_MESSAGE_MAX);
	list_init(&ch->queue);
	ch->io = loop_io_new(l, fd, on_io, ch);
	loop_io_want(ch->io, LOOP_READ);
	return ch;
}

void channel_free(struct channel **chp)
{
	struct channel *ch = *chp;

	if (ch == NULL) return;
	*chp = NULL;
	if (ch->freed != NULL) *ch->freed = true;
	loop_io_free(&ch->io);
	close(ch->fd);
	drop_queue(ch);
	free(ch->inbox);
	free(ch);
}

size_t channel_queued(const struct channel *ch)
{
	return ch->queued;
}
