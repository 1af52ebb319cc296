/* SPDX-License-Identifier: Apache-2.0 */
#include "http/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "http/admit.h"
#include "http/proxied.h"
#include "http/server_internal.h"
#include "record/metrics.h"

/* Taken in one turn, so that a flood of connections leaves the loop to requests. */
#define ACCEPTOR_TURN     8
#define ACCEPTOR_PAUSE_MS 100
/* What the system keeps of a connection's input: requests are small. Who sends without end would otherwise have megabytes
 * there, and each read of ours would have the system do the sender's work in our turn. */
#define ACCEPTOR_RECEIVE (64 << 10)
#define ACCEPTOR_BACKLOG 4096 /* what may wait, see listener.c */

struct acceptor {
	struct server *server;
	struct loop_io *io;
	int fd;
	enum listener_kind kind;
};

static bool may_accept(const struct server *sv)
{
	return !sv->draining && !sv->accept_paused && admit_has_room(sv);
}

void acceptor_update(struct server *sv)
{
	const unsigned want = may_accept(sv) ? LOOP_READ : 0;
	const bool full = !sv->draining && !admit_has_room(sv);

	if (full && !sv->accept_full)
		metrics_add(METRICS_ACCEPT_PAUSES + METRICS_PAUSE_CONNECTIONS, 1);
	sv->accept_full = full;

	for (size_t i = 0; i < sv->acceptor_count; i++)
		loop_io_want(sv->acceptors[i].io, want);
}

static void on_pause_over(void *arg)
{
	struct server *sv = arg;

	sv->accept_paused = false;
	acceptor_update(sv);
}

/* No descriptor is left: one kept for this moment is used to refuse a connection, so that its peer
 * learns it now and not by a time-out. */
static void refuse_one(struct acceptor *a)
{
	struct server *sv = a->server;

	close(sv->reserve_fd);
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		metrics_add(METRICS_REFUSED + METRICS_REFUSED_DESCRIPTORS, 1);
		close(fd);
	}
	sv->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_warn("out of file descriptors: accepting pauses; raise LimitNOFILE",
		 LOG_I("connections", sv->connections));
	metrics_add(METRICS_ACCEPT_PAUSES + METRICS_PAUSE_DESCRIPTORS, 1);
	sv->accept_paused = true;
	acceptor_update(sv);
	loop_timer_start(sv->accept_timer, ACCEPTOR_PAUSE_MS, 0);
}

static void on_listen(void *arg, unsigned events)
{
	struct acceptor *a = arg;
	struct server *sv = a->server;

	for (int turn = 0; turn < ACCEPTOR_TURN && may_accept(sv) && admit_make_room(sv); turn++) {
		struct sockaddr_storage ss;
		struct address peer;
		socklen_t size = sizeof ss;
		int fd =
			accept4(a->fd, (struct sockaddr *)&ss, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EAGAIN) return;
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM) {
				refuse_one(a);
				return;
			}
			continue; /* that connection failed, the next may be good */
		}
		address_from(&ss, &peer);
		metrics_add(METRICS_ACCEPTED, 1);
		if (sv->options.proxied_from.n > 0 && proxied_is_due(sv, &peer))
			proxied_start(sv, fd, &peer, a->kind);
		else
			admit_connection(sv, fd, &peer, a->kind);
	}
	acceptor_update(sv);
}

void acceptor_start(struct server *sv, const struct server_listener *listeners, size_t count)
{
	const int on = 1, receive = ACCEPTOR_RECEIVE;

	sv->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sv->accept_timer = loop_timer_new(sv->loop, on_pause_over, sv);
	sv->acceptors = check_calloc(count, sizeof *sv->acceptors);
	sv->acceptor_count = count;
	for (size_t i = 0; i < count; i++) {
		struct acceptor *a = &sv->acceptors[i];
		/* Accepted sockets inherit them: two system calls less a connection. */
		setsockopt(listeners[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(listeners[i].fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
		MG_ASSERT(listeners[i].kind != LISTENER_TLS || sv->options.tls != NULL);
		*a = (struct acceptor){ .server = sv,
					.fd = listeners[i].fd,
					.kind = listeners[i].kind };
		a->io = loop_io_new(sv->loop, a->fd, on_listen, a);
	}
	acceptor_update(sv);
}

void acceptor_take_rest(struct server *sv)
{
	const size_t turns = ACCEPTOR_BACKLOG / ACCEPTOR_TURN;

	for (size_t i = 0; i < sv->acceptor_count * turns; i++)
		on_listen(&sv->acceptors[i / turns], LOOP_READ);
}

void acceptor_stop(struct server *sv)
{
	for (size_t i = 0; i < sv->acceptor_count; i++)
		loop_io_free(&sv->acceptors[i].io);
	free(sv->acceptors);
	sv->acceptors = NULL;
	sv->acceptor_count = 0;
	loop_timer_free(&sv->accept_timer);
	if (sv->reserve_fd >= 0) close(sv->reserve_fd);
	sv->reserve_fd = -1;
}
