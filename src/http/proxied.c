/* SPDX-License-Identifier: Apache-2.0 */
#include "http/proxied.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "http/admit.h"
#include "http/refusal.h"
#include "http/server_internal.h"
#include "record/metrics.h"
#include "wire/proxyhead.h"

struct proxied {
	struct list node; /* in server->proxied, oldest first */
	struct server *server;
	struct loop_io *io;
	uint64_t since_ms;
	int fd;
	struct address peer; /* the balancer */
	enum listener_kind kind;
};

bool proxied_is_due(const struct server *sv, const struct address *peer)
{
	return address_is_among(peer, &sv->options.proxied_from);
}

/* The fd goes on. */
static void release(struct proxied *p)
{
	loop_io_free(&p->io);
	list_remove(&p->node);
	free(p);
}

static void cut(struct proxied *p)
{
	struct server *sv = p->server;
	const int fd = p->fd;

	release(p);
	server_uncount(sv);
	close(fd);
}

/* In the clear also where TLS would follow. */
static void refuse(struct proxied *p, const char *reason)
{
	char text[160], rest[PROXYHEAD_MAX];

	metrics_add(METRICS_BAD_HEADS, 1);
	snprintf(text, sizeof text,
		 "connections from this address must begin with a PROXY header; %s", reason);
	refusal_say(p->fd, text);
	/* What is unread would turn the close into a reset, and the text might be lost. */
	(void)recv(p->fd, rest, sizeof rest, MSG_DONTWAIT);
	cut(p);
}

static void address_of(const struct proxyhead *h, struct address *out)
{
	if (!h->told) return;
	memcpy(out->ip, h->source.ip, sizeof out->ip);
	out->family = h->source.family == 4 ? AF_INET : AF_INET6;
	out->port = h->port;
}

/* Nothing behind the header may be taken from the socket: it belongs to who reads next. */
static void on_readable(void *arg, unsigned events)
{
	struct proxied *p = arg;
	struct server *sv = p->server;
	char bytes[PROXYHEAD_MAX];
	struct proxyhead h;
	const char *reason;
	size_t used;

	const ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
	if (n <= 0) {
		cut(p);
		return;
	}
	switch (proxyhead_parse(span_make(bytes, (size_t)n), &h, &used, &reason)) {
	case PROXYHEAD_MORE:
		if (events & LOOP_HANGUP) cut(p);
		return;
	case PROXYHEAD_BAD:
		refuse(p, reason);
		return;
	case PROXYHEAD_DONE:
		break;
	}
	const int fd = p->fd;
	struct address peer = p->peer;
	if (recv(fd, bytes, used, 0) != (ssize_t)used) {
		cut(p);
		return;
	}
	address_of(&h, &peer);
	const enum listener_kind kind = p->kind;
	release(p);
	admit_connection(sv, fd, &peer, kind);
	/* Only now: a server that drains ends with its last connection. */
	server_uncount(sv);
}

void proxied_start(struct server *sv, int fd, const struct address *peer, enum listener_kind kind)
{
	struct proxied *p = check_calloc(1, sizeof *p);

	*p = (struct proxied){ .server = sv,
			       .fd = fd,
			       .peer = *peer,
			       .kind = kind,
			       .since_ms = loop_now_ms(sv->loop) };
	server_count(sv);
	list_append(&sv->proxied, &p->node);
	p->io = loop_io_new(sv->loop, fd, on_readable, p);
	loop_io_news_only(p->io);
	loop_io_want(p->io, LOOP_READ);
}

void proxied_expire(struct server *sv)
{
	struct list *first;

	while ((first = list_first(&sv->proxied)) != NULL) {
		struct proxied *p = LIST_OWNER(first, struct proxied, node);
		if (loop_now_ms(sv->loop) - p->since_ms < server_head_ms(sv)) return;
		metrics_add(METRICS_TIMED_OUT + METRICS_TIMEOUT_HEAD, 1);
		cut(p);
	}
}

void proxied_cut_all(struct server *sv)
{
	while (!list_empty(&sv->proxied))
		cut(LIST_OWNER(list_first(&sv->proxied), struct proxied, node));
}
