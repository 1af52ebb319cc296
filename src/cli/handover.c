/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/handover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch/ticket.h"

#define TEXT_MAX (256u << 10)

enum {
	FD_TEXT = 3,
	FD_CHANNEL,
	FD_LOCK,
	FD_SOCKETS
};

/* --- what is left: lines "NAME VALUE"; names that are not known are passed over --- */

static void print_socket(const struct sockets_one *one, struct mg_buf *text)
{
	buf_printf(text, "socket %llu %llu %s\n", (unsigned long long)one->made.device,
		   (unsigned long long)one->made.inode, one->name);
}

static size_t add_sockets(const struct sockets *from, bool given, struct mg_buf *text,
			  struct child_fd *fds, size_t n)
{
	for (size_t i = 0; i < from->n; i++) {
		if (sockets_is_given(span_of(from->one[i].name)) != given) continue;
		print_socket(&from->one[i], text);
		fds[n] = (struct child_fd){ from->one[i].fd, (int)(FD_TEXT + n) };
		n++;
	}
	return n;
}

size_t handover_leave(const struct handover_estate *e, int *text_fd,
		      struct child_fd fds[HANDOVER_FDS_MAX])
{
	const struct settings *s = e->settings;
	struct mg_buf text = BUF_MAX(TEXT_MAX);
	size_t n = 0;

	*text_fd = memfd_create("handover", MFD_CLOEXEC);
	if (*text_fd < 0) return 0;
	buf_printf(&text, "tickets %d\nvia %s\nstore %s\nuser %s\ngroup %s\n", TICKET_FORMAT,
		   s->via, s->store, s->user, s->group);
	fds[n++] = (struct child_fd){ *text_fd, FD_TEXT };
	fds[n++] = (struct child_fd){ e->channel, FD_CHANNEL };
	fds[n++] = (struct child_fd){ e->lock, FD_LOCK };
	n = add_sockets(e->given, true, &text, fds, n);
	n = add_sockets(e->open, false, &text, fds, n);
	/* Behind the sockets: a version that does not know it passes over it. */
	buf_printf(&text, "metrics %llu\n", (unsigned long long)e->metrics_places);
	fds[n] = (struct child_fd){ e->metrics, (int)(FD_TEXT + n) };
	n++;
	if (buf_failed(&text) || write(*text_fd, text.p, text.n) != (ssize_t)text.n) n = 0;
	buf_deinit(&text);
	return n;
}

/* --- what is taken --- */

static bool take_socket(struct handover *h, struct mg_span line, int fd)
{
	uint64_t device, inode;

	if (!span_u64(span_cut(&line, ' '), UINT64_MAX, &device) ||
	    !span_u64(span_cut(&line, ' '), UINT64_MAX, &inode) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return false;
	struct sockets *to = sockets_is_given(line) ? &h->given : &h->open;
	if (to->n == SOCKETS_MAX) return false;
	sockets_add(to, line, fd);
	to->one[to->n - 1].made = (struct unixlistener){ .device = (dev_t)device, .inode = inode };
	return true;
}

static bool take_metrics(struct handover *h, struct mg_span line, int fd)
{
	if (h->metrics >= 0 || !span_u64(line, UINT64_MAX, &h->metrics_places) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return false;
	h->metrics = fd;
	return true;
}

static bool take_line(struct handover *h, struct mg_span line, int *next)
{
	const struct mg_span name = span_cut(&line, ' ');
	const struct {
		struct mg_span name;
		const char **to;
	} settings[] = {
		{ SPAN("via"), &h->via },
		{ SPAN("store"), &h->store },
		{ SPAN("user"), &h->user },
		{ SPAN("group"), &h->group },
	};
	uint64_t n;

	if (span_eq(name, SPAN("socket"))) return take_socket(h, line, (*next)++);
	if (span_eq(name, SPAN("metrics"))) return take_metrics(h, line, (*next)++);
	if (span_eq(name, SPAN("tickets")))
		h->same_tickets = span_u64(line, UINT32_MAX, &n) && n == TICKET_FORMAT;
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (span_eq(name, settings[i].name))
			*settings[i].to = arena_strdup(&h->arena, line);
	return true;
}

static bool take_text(struct handover *h)
{
	struct mg_buf text = BUF_MAX(TEXT_MAX);
	char *room;
	ssize_t n = -1;
	int next = FD_SOCKETS;

	while ((room = buf_reserve(&text, 4096)) != NULL &&
	       (n = pread(FD_TEXT, room, 4096, (off_t)text.n)) > 0)
		text.n += (size_t)n;
	bool good = n == 0 && !buf_failed(&text) && text.n > 0;
	for (struct mg_span rest = buf_span(&text); good && rest.n > 0;)
		good = take_line(h, span_cut(&rest, '\n'), &next);
	buf_deinit(&text);
	return good;
}

enum mg_code handover_take(struct handover *h, struct mg_err *err)
{
	const bool left = getenv(HANDOVER_VARIABLE) != NULL;

	*h = (struct handover){ .channel = -1,
				.lock = -1,
				.metrics = -1,
				.via = "",
				.store = "",
				.user = "",
				.group = "" };
	unsetenv(HANDOVER_VARIABLE);
	if (!left) return MG_OK;
	if (fcntl(FD_CHANNEL, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(FD_LOCK, F_SETFD, FD_CLOEXEC) != 0 || !take_text(h))
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "the environment has " HANDOVER_VARIABLE ", which only `modgate "
			       "upgrade` sets, for a server that it starts; unset it");
	close(FD_TEXT);
	h->channel = FD_CHANNEL;
	h->lock = FD_LOCK;
	return MG_OK;
}

void handover_tell_failure(const struct handover *h, const char *reason)
{
	char message[1024];

	if (h->channel < 0) return;
	const int n = snprintf(message, sizeof message, "%c%s", HANDOVER_FAILED, reason);
	const size_t size = n < (int)sizeof message ? (size_t)n : sizeof message - 1;
	ssize_t unused = send(h->channel, message, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)unused;
}

void handover_deinit(struct handover *h)
{
	sockets_close(&h->given);
	sockets_close(&h->open);
	if (h->channel >= 0) close(h->channel);
	if (h->lock >= 0) close(h->lock);
	if (h->metrics >= 0) close(h->metrics);
	arena_deinit(&h->arena);
}
