/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte that says how large the pieces are in which the rest arrives, and the rest: frames, behind a
 * good preface. Answers are small, large, refused, or parked until the next piece or the end. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "http/h2.h"
#include "http/server_fixture.h"
#include "http/server_internal.h"

#define PARKED_MAX 4

static struct server *server;
static struct reply *small, *large;
static struct exchange *parked[PARKED_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_gone(struct exchange *x)
{
	for (int i = 0; i < PARKED_MAX; i++)
		if (parked[i] == x) parked[i] = NULL;
}

static void handle(struct exchange *x, void *arg)
{
	for (int i = 0; i < PARKED_MAX && span_has_prefix(x->head.path, SPAN("/p")); i++) {
		if (parked[i] != NULL) continue;
		parked[i] = x;
		x->on_gone = on_gone;
		exchange_park(x);
		return;
	}
	exchange_send(x, span_has_prefix(x->head.path, SPAN("/l")) ? large : small);
}

static void wake(void)
{
	for (int i = 0; i < PARKED_MAX; i++) {
		struct exchange *x = parked[i];
		parked[i] = NULL;
		if (x != NULL) exchange_send(x, small);
	}
}

static void stop(void *arg)
{
	loop_stop(arg);
}

/* One turn of the loop. */
static void turn(struct loop *l)
{
	loop_post(l, stop, l);
	loop_run(l);
}

static struct reply *reply_of(size_t n)
{
	static char body[200000];

	return reply_new(&(struct reply_spec){ .status = 200,
					       .content_type = SPAN("text/plain"),
					       .etag = SPAN("\"x\""),
					       .last_modified = -1,
					       .body = span_make(body, n),
					       .request_id_at = -1 });
}

static void begin(void)
{
	const struct server_options options = SERVER_FIXTURE_OPTIONS;

	server = server_new(loop_new(), NULL, 0, &options, handle, NULL);
	small = reply_of(100);
	large = reply_of(200000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct address peer = { 0 };
	char sink[65536];
	int ends[2];

	if (size < 2) return 0;
	if (server == NULL) begin();
	MG_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	session_start(server, ends[0], &peer, LISTENER_H2C);
	struct session *s =
		LIST_OWNER(list_first(&server->waits[SESSION_HEAD]), struct session, node);
	h2_start(s);
	struct mg_span rest = span_make(data + 1, size - 1);
	bool alive = h2_take(s, SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	while (alive && s->h2 != NULL && rest.n > 0) {
		struct mg_span piece = span_first(rest, (size_t)data[0] * 16 + 1);
		rest = span_from(rest, piece.n);
		alive = h2_take(s, piece);
		while (read(ends[1], sink, sizeof sink) > 0)
			;
		if (alive) wake();
	}
	close(ends[1]);
	turn(server->loop);
	for (int w = 0; w < SESSION_WAIT_COUNT; w++)
		while (!list_empty(&server->waits[w]))
			session_cut(
				LIST_OWNER(list_first(&server->waits[w]), struct session, node));
	MG_ASSERT(server->connections == 0 && list_empty(&server->h2->answers));
	for (int i = 0; i < PARKED_MAX; i++)
		MG_ASSERT(parked[i] == NULL);
	return 0;
}
