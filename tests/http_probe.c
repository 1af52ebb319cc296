/* SPDX-License-Identifier: Apache-2.0 */
/* A small server over src/http for tests and measurements. `http_probe [KEY=VALUE]...` prints the
 * address it listens on and serves until SIGTERM (drains, prints "drained") or SIGINT.
 *   /small      300 bytes, ETag, Last-Modified        /big       1 MiB from memory
 *   /file       the file of file=PATH                 /echo?…    method, target and id
 *   /park       answered by the next /wake            /wake      tells how many it woke
 *   /gone       how many parked clients left          /close     Connection: close
 *   /error      503 with the request's id in the body /count     requests seen so far
 *   /h2         what HTTP/2 came to, "name=number" a line, how many connections are open, and the bytes of
 *               frames that sockets did not take
 * Keys: listen file header_ms idle_ms stall_ms rate drain_ms max lane h2c */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/list.h"
#include "http/listener.h"
#include "http/server_fixture.h"
#include "http/server_internal.h"
#include "record/metrics.h"

struct parked {
	struct list node;
	struct exchange *x;
};

struct probe {
	struct loop *loop;
	struct server *server;
	struct server_options options;
	uint64_t drain_ms;
	struct list parked;
	uint64_t gone, requests;
	struct reply *small, *big, *file, *close, *error, *missing, *woken;
};

static struct probe probe;

static struct reply *text(int status, const char *body, ptrdiff_t id_at, bool close)
{
	return reply_new(&(struct reply_spec){
		.status = status,
		.content_type = SPAN("text/plain; charset=utf-8"),
		.last_modified = -1,
		.body = span_of(body),
		.request_id_at = id_at,
		.close = close,
	});
}

static struct reply *cacheable(struct mg_span body, struct reply_file *file, struct mg_span etag)
{
	return reply_new(&(struct reply_spec){
		.status = 200,
		.content_type = SPAN("application/octet-stream"),
		.etag = etag,
		.last_modified = 1700000000,
		.cache_control = SPAN("public, max-age=60"),
		.body = body,
		.file = file,
		.request_id_at = -1,
	});
}

static void release_file(struct reply_file *f)
{
	close(f->fd);
	free(f);
}

static struct reply *file_reply(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(path);
		exit(1);
	}
	struct reply_file *f = check_calloc(1, sizeof *f);
	*f = (struct reply_file){ .fd = fd, .size = (uint64_t)st.st_size, .release = release_file };
	return cacheable((struct mg_span){ 0 }, f, SPAN("\"file\""));
}

static void make_replies(const char *file)
{
	static char bytes[1 << 20];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)('a' + i % 23);
	probe.small = cacheable(span_make(bytes, 300), NULL, SPAN("\"small\""));
	probe.big = cacheable(span_make(bytes, sizeof bytes), NULL, SPAN("\"big\""));
	if (file != NULL) probe.file = file_reply(file);
	probe.close = text(200, "bye\n", -1, true);
	probe.error = text(503, "not now (request 0000000000000000)\n", 17, false);
	probe.missing = text(404, "no such page\n", -1, false);
	probe.woken = text(200, "good morning\n", -1, false);
}

static void on_gone(struct exchange *x)
{
	struct parked *p = x->user;

	probe.gone++;
	list_remove(&p->node);
}

static void park(struct exchange *x)
{
	struct parked *p = arena_alloc(&x->arena, sizeof *p);

	exchange_park(x);
	p->x = x;
	x->user = p;
	x->on_gone = on_gone;
	list_append(&probe.parked, &p->node);
}

static void say(struct exchange *x, const char *line)
{
	struct reply *r = text(200, line, -1, false);

	exchange_send(x, r);
	reply_unref(&r);
}

static void wake(struct exchange *x)
{
	unsigned n = 0;

	for (; !list_empty(&probe.parked); n++) {
		struct parked *p = LIST_OWNER(list_first(&probe.parked), struct parked, node);
		list_remove(&p->node);
		exchange_send(p->x, probe.woken);
	}
	say(x, arena_printf(&x->arena, "%u\n", n));
}

static void echo(struct exchange *x)
{
	struct mg_span peer = exchange_peer(x);

	say(x, arena_printf(&x->arena, "%.*s %.*s %.*s %.*s\n", SPAN_ARG(x->head.method_name),
			    SPAN_ARG(x->head.target), EXCHANGE_ID_SIZE, x->id, SPAN_ARG(peer)));
}

static unsigned long long counted(unsigned slot)
{
	return metrics_sum(slot);
}

static void say_h2(struct exchange *x)
{
	unsigned long long floods = 0;

	for (int kind = 0; kind < METRICS_FLOODS; kind++)
		floods += counted(METRICS_H2_FLOODS + kind);
	say(x, arena_printf(&x->arena, "stalled=%llu\nfloods=%llu\nopen=%zu\nunsent=%zu\n",
			    counted(METRICS_H2_STALLED), floods, server_connections(probe.server),
			    probe.server->unsent));
}

static void handle(struct exchange *x, void *arg)
{
	struct mg_span path = x->head.path;

	probe.requests++;
	if (span_eq(path, SPAN("/small")))
		exchange_send(x, probe.small);
	else if (span_eq(path, SPAN("/big")))
		exchange_send(x, probe.big);
	else if (span_eq(path, SPAN("/file")) && probe.file != NULL)
		exchange_send(x, probe.file);
	else if (span_eq(path, SPAN("/close")))
		exchange_send(x, probe.close);
	else if (span_eq(path, SPAN("/error")))
		exchange_send(x, probe.error);
	else if (span_eq(path, SPAN("/echo")))
		echo(x);
	else if (span_eq(path, SPAN("/park")))
		park(x);
	else if (span_eq(path, SPAN("/wake")))
		wake(x);
	else if (span_eq(path, SPAN("/gone")))
		say(x, arena_printf(&x->arena, "%llu\n", (unsigned long long)probe.gone));
	else if (span_eq(path, SPAN("/count")))
		say(x, arena_printf(&x->arena, "%llu\n", (unsigned long long)probe.requests));
	else if (span_eq(path, SPAN("/h2")))
		say_h2(x);
	else
		exchange_send(x, probe.missing);
}

static void on_drained(void *arg)
{
	puts("drained");
	loop_stop(probe.loop);
}

static void on_term(void *arg)
{
	server_drain(probe.server, probe.drain_ms, on_drained, NULL);
}

static void on_int(void *arg)
{
	loop_stop(probe.loop);
}

/* The value of KEY=VALUE, or fallback. */
static const char *key(int argc, char **argv, const char *name, const char *fallback)
{
	size_t n = strlen(name);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=') return argv[i] + n + 1;
	return fallback;
}

static uint32_t number(int argc, char **argv, const char *name, uint32_t fallback)
{
	const char *v = key(argc, argv, name, NULL);
	uint64_t n = fallback;

	if (v != NULL && !span_u64(span_of(v), UINT32_MAX, &n)) exit(2);
	return (uint32_t)n;
}

int main(int argc, char **argv)
{
	struct mg_err err;
	char address[LISTENER_ADDRESS_SIZE];
	struct server_listener listener = { .kind = LISTENER_PLAIN };
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	list_init(&probe.parked);
	make_replies(key(argc, argv, "file", NULL));
	if (listener_open(span_of(key(argc, argv, "listen", "127.0.0.1:0")), false, &fd, &err) !=
	    MG_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	listener_address(fd, address);
	probe.loop = loop_new();
	probe.options = SERVER_FIXTURE_OPTIONS;
	probe.options.fields = SPAN("Server: probe\r\n");
	probe.options.header_timeout_ms = number(argc, argv, "header_ms", 10000);
	probe.options.idle_timeout_ms = number(argc, argv, "idle_ms", 90000);
	probe.options.stall_timeout_ms = number(argc, argv, "stall_ms", 60000);
	if (number(argc, argv, "h2c", 0) != 0) listener.kind = LISTENER_H2C;
	probe.options.min_rate = number(argc, argv, "rate", 0);
	probe.options.max_connections = number(argc, argv, "max", 16384);
	probe.drain_ms = number(argc, argv, "drain_ms", 5000);
	uint32_t threads = number(argc, argv, "lane", 2);
	if (threads > 0) probe.options.fs_lane = lane_new("fs", threads, 64, 0);
	listener.fd = fd;
	probe.server = server_new(probe.loop, &listener, 1, &probe.options, handle, NULL);
	loop_on_signal(probe.loop, SIGTERM, on_term, NULL);
	loop_on_signal(probe.loop, SIGINT, on_int, NULL);
	printf("%s\n", address);
	loop_run(probe.loop);
	server_free(&probe.server);
	lane_free(&probe.options.fs_lane);
	loop_free(&probe.loop);
	close(fd);
	reply_unref(&probe.small);
	reply_unref(&probe.big);
	reply_unref(&probe.file);
	reply_unref(&probe.close);
	reply_unref(&probe.error);
	reply_unref(&probe.missing);
	reply_unref(&probe.woken);
	return 0;
}
