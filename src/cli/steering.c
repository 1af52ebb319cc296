/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/steering.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "loop/namedsocket.h"

#define NAME           "supervisor.sock"
#define LINE_MAX_BYTES 64
#define ANSWER_MAX     4096
/* For the line to come: whoever is stopped between its connection and its word keeps all others waiting. */
#define SILENCE_MS 1000

struct steering {
	struct loop *loop;
	char *store;
	struct namedsocket socket;
	struct loop_io *io;
	int client; /* -1: nobody */
	struct loop_io *client_io;
	struct loop_timer *silence;
	bool asked; /* the line is with the owner */
	struct mg_buf in;
	steering_line_fn *fn;
	void *arg;
};

static void hang_up(struct steering *s)
{
	if (s->client < 0) return;
	loop_timer_stop(s->silence);
	loop_io_free(&s->client_io);
	close(s->client);
	s->client = -1;
	buf_deinit(&s->in);
	/* The answer to who left must not go to the next one. */
	if (!s->asked) loop_io_want(s->io, LOOP_READ);
}

static void on_client(void *arg, unsigned events)
{
	struct steering *s = arg;
	char *room = buf_reserve(&s->in, LINE_MAX_BYTES);
	const ssize_t n = room != NULL ? recv(s->client, room, LINE_MAX_BYTES, MSG_DONTWAIT) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
	if (n <= 0 || s->asked) {
		hang_up(s);
		return;
	}
	s->in.n += (size_t)n;
	const ptrdiff_t end = span_index(buf_span(&s->in), '\n');
	if (end < 0) return;
	s->asked = true;
	loop_timer_stop(s->silence);
	s->fn(s->arg, span_first(buf_span(&s->in), (size_t)end));
}

static void on_silence(void *arg)
{
	hang_up(arg);
}

static void on_connection(void *arg, unsigned events)
{
	struct steering *s = arg;
	const int fd = accept4(s->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) return;
	s->client = fd;
	s->in = BUF_MAX(2 * LINE_MAX_BYTES);
	s->client_io = loop_io_new(s->loop, fd, on_client, s);
	loop_io_want(s->client_io, LOOP_READ);
	loop_io_want(s->io, 0); /* one after the other */
	loop_timer_start(s->silence, SILENCE_MS, 0);
}

struct steering *steering_new(struct loop *l, const char *store, steering_line_fn *fn, void *arg,
			      struct mg_err *err)
{
	struct namedsocket made;

	if (!namedsocket_listen(store, NAME, &made)) {
		err_errno(err, errno, "cannot make %s/" NAME, store);
		return NULL;
	}
	struct steering *s = check_calloc(1, sizeof *s);
	*s = (struct steering){ .loop = l,
				.store = check_strndup(store, strlen(store)),
				.socket = made,
				.client = -1,
				.fn = fn,
				.arg = arg };
	s->silence = loop_timer_new(l, on_silence, s);
	s->io = loop_io_new(l, made.fd, on_connection, s);
	loop_io_want(s->io, LOOP_READ);
	return s;
}

void steering_answer(struct steering *s, bool ok, const char *text)
{
	struct mg_buf line = BUF_MAX(2 * ANSWER_MAX);

	if (s == NULL || !s->asked) return;
	s->asked = false;
	if (s->client < 0) {
		loop_io_want(s->io, LOOP_READ);
		return;
	}
	buf_printf(&line, "%s %.*s\n", ok ? "ok" : "failed", ANSWER_MAX, text);
	ssize_t unused = send(s->client, line.p, line.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)unused;
	buf_deinit(&line);
	hang_up(s);
}

void steering_free(struct steering **sp)
{
	struct steering *s = *sp;

	*sp = NULL;
	if (s == NULL) return;
	hang_up(s);
	loop_timer_free(&s->silence);
	loop_io_free(&s->io);
	namedsocket_remove(s->store, NAME, &s->socket);
	close(s->socket.fd);
	free(s->store);
	free(s);
}

/* --- the other side --- */

static bool read_answer(int fd, struct mg_buf *in)
{
	while (span_index(buf_span(in), '\n') < 0) {
		char *room = buf_reserve(in, ANSWER_MAX);
		const ssize_t n = room != NULL ? read(fd, room, ANSWER_MAX) : 0;
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return false;
		in->n += (size_t)n;
	}
	return true;
}

static void print_plain(FILE *to, const char *command, struct mg_span text)
{
	fprintf(to, "%s: ", command);
	for (size_t i = 0; i < text.n; i++)
		fputc((unsigned char)text.p[i] < ' ' ? '?' : text.p[i], to);
	fputc('\n', to);
}

int steering_ask(const char *store, const char *command, const char *line)
{
	struct mg_buf in = BUF_MAX(4 * ANSWER_MAX), out = BUF_MAX(LINE_MAX_BYTES);
	const int fd = namedsocket_connect(store, NAME);
	int rc = 1;

	buf_printf(&out, "%s\n", line);
	if (fd < 0) {
		fprintf(stderr, "%s: no server runs on the store %s, or it is another user's: %s\n",
			command, store, strerror(errno));
	} else if (send(fd, out.p, out.n, MSG_NOSIGNAL) != (ssize_t)out.n ||
		   !read_answer(fd, &in)) {
		fprintf(stderr, "%s: the server went away before it answered\n", command);
	} else {
		struct mg_span rest = buf_span(&in), answer = span_cut(&rest, '\n');
		rc = span_eq(span_cut(&answer, ' '), SPAN("ok")) ? 0 : 1;
		print_plain(rc == 0 ? stdout : stderr, command, answer);
	}
	if (fd >= 0) close(fd);
	buf_deinit(&in);
	buf_deinit(&out);
	return rc;
}
