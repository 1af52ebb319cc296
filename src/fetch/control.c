/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/list.h"
#include "base/log.h"
#include "fetch/errand.h"
#include "loop/lane.h"

#define CONNECTIONS_MAX 8
#define READ_MAX        65536
/* Who does not read what it asked for is gone. */
#define SEND_MS 30000

struct connection {
	struct list node;
	struct control *control;
	int fd;
	struct loop_io *io;
	struct mg_buf in;
	struct errand errand;
	struct cancel cancel;
	bool busy; /* the lane works on errand */
	bool gone; /* to be freed when it does no more */
};

struct control {
	struct loop *loop;
	struct namedsocket socket;
	const char *store;
	const struct job_means *means;
	struct loop_io *io;
	struct lane *lane;
	struct list connections;
	unsigned count;
};

/* --- an errand, on the lane --- */

static bool send_all(int fd, struct mg_span bytes)
{
	while (bytes.n > 0) {
		const ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			bytes = span_from(bytes, (size_t)n);
			continue;
		}
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		if (errno == EINTR) continue;
		if (errno != EAGAIN || poll(&p, 1, SEND_MS) <= 0) return false;
	}
	return true;
}

static void log_report(const struct report *r)
{
	if (r->type == REPORT_FINDING)
		log_error("an operator's command found", LOG_SP("finding", r->word),
			  LOG_SP("name", r->name), LOG_SP("reason", r->text));
}

static bool tell(void *arg, const struct report *r)
{
	struct connection *c = arg;
	struct mg_buf line = BUF_MAX(REPORT_LINE_MAX);
	log_report(r);
	report_print(r, &line);
	const bool told = !buf_failed(&line) && send_all(c->fd, buf_span(&line));
	buf_deinit(&line);
	return told;
}

static void on_run(void *arg)
{
	struct connection *c = arg;
	errand_run(&c->errand, c->control->means, &c->cancel, tell, c);
}

/* --- a connection --- */

static void connection_free(struct connection *c)
{
	MG_ASSERT(!c->busy);
	loop_io_free(&c->io);
	close(c->fd);
	list_remove(&c->node);
	c->control->count--;
	errand_deinit(&c->errand);
	buf_deinit(&c->in);
	free(c);
}

/* What the errand does until it sees the cancel may take a while. */
static void leave(struct connection *c)
{
	cancel_set(&c->cancel);
	c->gone = true;
	loop_io_want(c->io, 0);
	if (!c->busy) connection_free(c);
}

/* On the loop, which waits for nobody: a line that does not fit is not worth it. */
static void say_failed(int fd, const char *why)
{
	struct mg_buf line = BUF_MAX(REPORT_LINE_MAX);
	report_print(&(struct report){ .type = REPORT_FAILED, .text = span_of(why) }, &line);
	ssize_t unused = send(fd, line.p, line.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)unused;
	buf_deinit(&line);
}

static void refuse(struct connection *c, const char *why)
{
	say_failed(c->fd, why);
	leave(c);
}

static void on_done(void *arg, bool ran);

enum taken {
	TAKEN_MORE, /* the errand goes on */
	TAKEN_ALL,  /* it is under way */
	TAKEN_GONE, /* the connection was not worth keeping, and is freed */
};

static enum taken take_line(struct connection *c, struct mg_span line)
{
	struct mg_err err;
	bool complete;
	if (errand_line(&c->errand, line, &complete, &err) != MG_OK) {
		refuse(c, err.text);
		return TAKEN_GONE;
	}
	if (!complete) return TAKEN_MORE;
	cancel_init(&c->cancel);
	c->busy = true;
	log_info("an operator's command", LOG_SP("command", line));
	if (lane_submit(c->control->lane, c->control->loop, on_run, on_done, c)) return TAKEN_ALL;
	c->busy = false;
	refuse(c, "too many commands are under way");
	return TAKEN_GONE;
}

static void take_lines(struct connection *c)
{
	struct mg_span rest = buf_span(&c->in);
	enum taken taken = TAKEN_MORE;
	ptrdiff_t end;
	while (taken == TAKEN_MORE && (end = span_index(rest, '\n')) >= 0) {
		taken = take_line(c, span_first(rest, (size_t)end));
		rest = span_from(rest, (size_t)end + 1);
	}
	if (taken == TAKEN_GONE) return;
	/* What follows an errand waits in c->in for its end. */
	const bool too_long = taken == TAKEN_MORE && rest.n >= ERRAND_LINE_MAX;
	buf_consume(&c->in, c->in.n - rest.n);
	if (too_long) refuse(c, "the line is too long");
}

static void on_done(void *arg, bool ran)
{
	struct connection *c = arg;
	c->busy = false;
	errand_deinit(&c->errand);
	if (c->gone) {
		connection_free(c);
		return;
	}
	loop_io_want(c->io, LOOP_READ);
	take_lines(c);
}

/* One errand at a time: the next may be sent as soon as DONE is read, which is before on_done. Who is
 * gone meanwhile is seen here, or by tell. */
static void on_readable_while_busy(struct connection *c)
{
	char next;
	const ssize_t n = recv(c->fd, &next, 1, MSG_DONTWAIT | MSG_PEEK);
	if (n > 0) loop_io_want(c->io, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) leave(c);
}

static void on_readable(void *arg, unsigned events)
{
	struct connection *c = arg;
	if (c->busy) {
		on_readable_while_busy(c);
		return;
	}
	char *room = buf_reserve(&c->in, READ_MAX / 2);
	const ssize_t n = room != NULL ? recv(c->fd, room, READ_MAX / 2, MSG_DONTWAIT) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
	if (n <= 0) {
		leave(c);
		return;
	}
	c->in.n += (size_t)n;
	take_lines(c);
}

static void on_connection(void *arg, unsigned events)
{
	struct control *control = arg;
	const int fd = accept4(control->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) return;
	if (control->count >= CONNECTIONS_MAX) {
		say_failed(fd, "too many commands are under way");
		close(fd);
		return;
	}
	struct connection *c = check_calloc(1, sizeof *c);
	c->control = control;
	c->fd = fd;
	c->in = BUF_MAX(READ_MAX + ERRAND_LINE_MAX);
	errand_init(&c->errand);
	cancel_init(&c->cancel);
	list_append(&control->connections, &c->node);
	control->count++;
	c->io = loop_io_new(control->loop, fd, on_readable, c);
	loop_io_want(c->io, LOOP_READ);
}

/* --- life --- */

struct control *control_new(struct loop *l, const struct namedsocket *socket, const char *store,
			    const struct job_means *means)
{
	struct control *c = check_calloc(1, sizeof *c);
	*c = (struct control){ .loop = l, .socket = *socket, .store = store, .means = means };
	list_init(&c->connections);
	c->lane = lane_new("control", CONNECTIONS_MAX, CONNECTIONS_MAX, 0);
	c->io = loop_io_new(l, socket->fd, on_connection, c);
	loop_io_want(c->io, LOOP_READ);
	return c;
}

static void stop_loop(void *loop)
{
	loop_stop(loop);
}

void control_free(struct control **cp)
{
	struct control *c = *cp;
	*cp = NULL;
	if (c == NULL) return;
	loop_io_free(&c->io);
	LIST_EACH_SAFE(it, &c->connections)
	{
		struct connection *one = LIST_OWNER(it, struct connection, node);
		/* A sender must not wait for who does not read. */
		shutdown(one->fd, SHUT_RDWR);
		leave(one);
	}
	lane_free(&c->lane);
	/* Errands that ended have posted their on_done: one more turn. */
	loop_post(c->loop, stop_loop, c->loop);
	loop_run(c->loop);
	MG_ASSERT(list_empty(&c->connections));
	namedsocket_remove(c->store, CONTROL_NAME, &c->socket);
	close(c->socket.fd);
	free(c);
}
