/* SPDX-License-Identifier: Apache-2.0 */
/* Fetch as the front sees it: orders into channels, results out, files in the store. Origins are trees
 * on disk, or a socket that listens and never answers. */
#include "fetch/fetch_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fetch/ticket.h"
#include "loop/channel.h"

#define DESKS       2
#define RESULTS_MAX 64
#define PATIENCE_MS 20000

struct bench {
	char root[64]; /* with "store", "a" and "b" below */
	char proxies[256];
	struct loop *loop;
	struct loop_timer *patience;
	struct store *store;
	struct upstream *upstream;
	struct negative *negative;
	struct fetch_options options;
	struct fetch *fetch;
	struct channel *desks[DESKS];
	/* of the last result */
	struct ticket last;
	char text[512];
	size_t results, wanted;
	size_t forgets; /* FORGETs, on all desks */
	uint32_t next_id;
};

/* --- the bench --- */

static void on_result(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct bench *b = arg;
	struct ticket t;
	assert_true(ticket_decode(message, &t));
	if (t.type == TICKET_FORGET) {
		b->forgets++;
		return;
	}
	assert_int_equal(t.type, TICKET_RESULT);
	snprintf(b->text, sizeof b->text, "%.*s", SPAN_ARG(t.text));
	b->last = t;
	if (++b->results == b->wanted) loop_stop(b->loop);
}

static void on_closed(void *arg)
{
	fail_msg("fetch closed its channel");
}

static void on_patience(void *arg)
{
	fail_msg("no result");
}

static void open_desk(struct bench *b, size_t i)
{
	int ends[2];
	assert_int_equal(channel_pair(ends), 0);
	fetch_add_channel(b->fetch, ends[0]);
	b->desks[i] = channel_new(b->loop, ends[1], on_result, on_closed, b);
}

static void start_fetch(struct bench *b)
{
	struct mg_err err;
	b->upstream = upstream_new(&(struct upstream_options){ .connect_ms = 5000,
							       .first_byte_ms = 60000,
							       .stall_ms = 5000,
							       .redirects = 10,
							       .per_host = 8,
							       .queue_ms = 5000,
							       .breaker_failures = 100,
							       .breaker_open_ms = 100,
							       .user_agent = "test",
							       .via = "1.1 test" });
	b->options.goproxy = b->proxies;
	if (fetch_new(b->loop, &b->options, b->store, b->upstream, b->negative, &b->fetch, &err) !=
	    MG_OK)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < DESKS; i++)
		open_desk(b, i);
}

static void stop_fetch(struct bench *b)
{
	for (size_t i = 0; i < DESKS; i++)
		channel_free(&b->desks[i]);
	fetch_free(&b->fetch);
	upstream_free(&b->upstream);
}

static void restart_fetch(struct bench *b)
{
	stop_fetch(b);
	start_fetch(b);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct mg_err err;
	char store[96];
	snprintf(b->root, sizeof b->root, "/tmp/modgate-fetch-XXXXXX");
	if (mkdtemp(b->root) == NULL) return -1;
	snprintf(store, sizeof store, "%s/store", b->root);
	b->loop = loop_new();
	if (store_open(store, STORE_WRITE, &b->store, &err) != MG_OK) return -1;
	if (negative_open(store, &b->negative, &err) != MG_OK) return -1;
	snprintf(b->proxies, sizeof b->proxies, "file://%s/a,file://%s/b", b->root, b->root);
	b->options = FETCH_FIXTURE_OPTIONS;
	b->patience = loop_timer_new(b->loop, on_patience, b);
	*state = b;
	start_fetch(b);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	stop_fetch(b);
	loop_timer_free(&b->patience);
	loop_free(&b->loop);
	negative_close(&b->negative);
	store_close(&b->store);
	const int rc = nftw(b->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(b);
	return rc;
}

/* Writes root/file, making its folders. */
static void put(const struct bench *b, const char *file, const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", b->root, file);
	for (char *p = path + strlen(b->root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void move(const struct bench *b, const char *from, const char *to)
{
	char source[512], target[512];
	snprintf(source, sizeof source, "%s/%s", b->root, from);
	snprintf(target, sizeof target, "%s/%s", b->root, to);
	assert_int_equal(rename(source, target), 0);
}

static uint32_t order(struct bench *b, size_t desk, const struct ticket *t)
{
	struct ticket copy = *t;
	struct mg_buf message = BUF_MAX(CHANNEL_MESSAGE_MAX);
	copy.type = TICKET_ORDER;
	copy.id = b->next_id++;
	ticket_encode(&copy, &message);
	channel_send(b->desks[desk], buf_span(&message), NULL, 0);
	buf_deinit(&message);
	return copy.id;
}

static void cancel_order(struct bench *b, size_t desk, uint32_t id)
{
	struct mg_buf message = BUF_MAX(64);
	ticket_encode(&(struct ticket){ .type = TICKET_CANCEL, .id = id }, &message);
	channel_send(b->desks[desk], buf_span(&message), NULL, 0);
	buf_deinit(&message);
}

static void wait_for(struct bench *b, size_t results)
{
	b->wanted = b->results + results;
	loop_timer_start(b->patience, PATIENCE_MS, 0);
	loop_run(b->loop);
	loop_timer_stop(b->patience);
}

static enum mg_code ask_flags(struct bench *b, enum target_kind kind, const char *path,
			      const char *version, uint32_t flags)
{
	order(b, 0,
	      &(struct ticket){ .kind = kind,
				.path = span_of(path),
				.version = span_of(version),
				.flags = flags });
	wait_for(b, 1);
	return b->last.code;
}

static enum mg_code ask(struct bench *b, enum target_kind kind, const char *path,
			const char *version)
{
	return ask_flags(b, kind, path, version, 0);
}

static void assert_stored(struct bench *b, const char *key, const char *text)
{
	struct mg_buf out = BUF_MAX(4096);
	struct mg_err err;
	assert_int_equal(store_read(b->store, key, true, &out, NULL, &err), STORE_HIT);
	assert_string_equal(buf_cstr(&out), text);
	buf_deinit(&out);
}

#define INFO(v) "{\"Version\":\"" v "\",\"Time\":\"2020-01-01T00:00:00Z\"}"
#define M       "example.com/M"
#define E       "example.com/!m/@v/"
#define KEY(x)  "modules/example.com/!m/@v/" x

/* --- a silent origin --- */

static int listen_silently(struct bench *b)
{
	struct sockaddr_in where = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof where;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&where, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &n), 0);
	snprintf(b->proxies, sizeof b->proxies, "http://127.0.0.1:%u", ntohs(where.sin_port));
	restart_fetch(b);
	return fd;
}

struct watch {
	struct loop *loop;
	struct loop_io *io;
};

static void on_readable(void *arg, unsigned events)
{
	struct watch *w = arg;
	loop_io_want(w->io, 0);
	loop_stop(w->loop);
}

/* Runs the loop until fd can be read. */
static void wait_readable(struct bench *b, int fd)
{
	struct watch w = { .loop = b->loop };
	w.io = loop_io_new(b->loop, fd, on_readable, &w);
	loop_io_want(w.io, LOOP_READ);
	loop_timer_start(b->patience, PATIENCE_MS, 0);
	loop_run(b->loop);
	loop_timer_stop(b->patience);
	loop_io_free(&w.io);
}

static int accept_one(struct bench *b, int listener)
{
	wait_readable(b, listener);
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

/* Runs the loop until the other side of fd, having asked what it will, closes. */
static void wait_gone(struct bench *b, int fd)
{
	char bytes[4096];
	for (ssize_t n = 1; n != 0;) {
		wait_readable(b, fd);
		while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
			;
		if (n < 0 && errno != EAGAIN) n = 0;
	}
	close(fd);
}

static void answer(int fd, const char *text)
{
	char bytes[1024];
	snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(text), text);
	assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
}

/* --- tests --- */

static void small_kinds_end_up_in_the_store(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.info", INFO("v1.0.0"));
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	put(b, "a/" E "list", "v1.0.0\nv0.9.0\nv2.0.0\njunk\n");
	put(b, "a/" E "main.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	assert_stored(b, KEY("v1.0.0.info"), INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_OK);
	assert_stored(b, KEY("list"), "v0.9.0\nv1.0.0\n");
	assert_int_equal(ask(b, TARGET_QUERY, M, "main"), MG_OK);
	assert_stored(b, KEY("main.info"), INFO("v1.0.0"));
	/* No @latest there: made from the list. */
	assert_int_equal(ask(b, TARGET_LATEST, M, ""), MG_OK);
	assert_stored(b, "modules/example.com/!m/@latest", INFO("v1.0.0"));
	assert_false(b->last.stale);
}

static void bad_answers_are_not_stored(void **state)
{
	struct bench *b = *state;
	static const struct {
		enum target_kind kind;
		const char *version, *file, *text;
	} cases[] = {
		{ TARGET_INFO, "v1.0.0", E "v1.0.0.info", INFO("v1.0.1") },
		{ TARGET_INFO, "v1.0.1", E "v1.0.1.info", "{\"Version\":" },
		{ TARGET_MOD, "v1.0.0", E "v1.0.0.mod", "<html>please log in</html>" },
		{ TARGET_MOD, "v1.0.1", E "v1.0.1.mod", "" },
		{ TARGET_MOD, "v1.0.2", E "v1.0.2.mod", "not found: try again later\n" },
		{ TARGET_MOD, "v1.0.3", E "v1.0.3.mod",
		  "\n// module " M "\nrequire x.y/z v1.0.0\n" },
		{ TARGET_ZIP, "v1.0.0", E "v1.0.0.zip", "PK no zip" },
		{ TARGET_LIST, "", E "list", "<html>please log in</html>" },
		{ TARGET_LATEST, "", "example.com/!m/@latest", "v1.0.0" },
		{ TARGET_QUERY, "main", E "main.info", "{}" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char file[256], key[256];
		struct store_file found;
		struct mg_err err;
		snprintf(file, sizeof file, "a/%s", cases[i].file);
		snprintf(key, sizeof key, "modules/%s", cases[i].file);
		put(b, file, cases[i].text);
		if (ask(b, cases[i].kind, M, cases[i].version) != MG_CORRUPT)
			fail_msg("%s: code %d %s", file, b->last.code, b->text);
		assert_int_equal(store_find(b->store, key, true, &found, &err), STORE_MISS);
	}
}

static void one_flight_for_all_askers(void **state)
{
	struct bench *b = *state;
	const int listener = listen_silently(b);
	const struct ticket info = { .kind = TARGET_INFO,
				     .path = SPAN(M),
				     .version = SPAN("v1.0.0") };
	for (size_t i = 0; i < 20; i++)
		order(b, i % DESKS, &info);
	const int fd = accept_one(b, listener);
	/* An order of another thing comes behind them all, and its flight is the second. */
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_MOD, .path = SPAN(M), .version = SPAN("v1.0.0") });
	order(b, 1,
	      &(struct ticket){ .kind = TARGET_MOD, .path = SPAN(M), .version = SPAN("v1.0.0") });
	const int second = accept_one(b, listener);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	wait_readable(b, fd);
	answer(fd, INFO("v1.0.0"));
	wait_for(b, 20);
	assert_int_equal(b->last.code, MG_OK);
	wait_readable(b, second);
	answer(second, "module " M "\n");
	wait_for(b, 2);
	assert_int_equal(b->last.code, MG_OK);
	close(fd);
	close(second);
	close(listener);
}

static void the_last_to_leave_ends_the_flight(void **state)
{
	struct bench *b = *state;
	const int listener = listen_silently(b);
	const struct ticket info = { .kind = TARGET_INFO,
				     .path = SPAN(M),
				     .version = SPAN("v1.0.0") };
	const uint32_t one = order(b, 1, &info), two = order(b, 1, &info);
	const int fd = accept_one(b, listener);
	cancel_order(b, 1, one);
	cancel_order(b, 1, one); /* twice is once too often, and harmless */
	cancel_order(b, 1, two);
	/* Who comes while it is going down gets a flight of his own. */
	order(b, 1, &info);
	wait_gone(b, fd);
	const int again = accept_one(b, listener);
	wait_readable(b, again);
	answer(again, INFO("v1.0.0"));
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_OK);
	assert_int_equal(b->results, 1);
	close(again);
	close(listener);
}

static void a_worker_that_goes_takes_its_orders_along(void **state)
{
	struct bench *b = *state;
	const int listener = listen_silently(b);
	const struct ticket info = { .kind = TARGET_INFO,
				     .path = SPAN(M),
				     .version = SPAN("v1.0.0") };
	order(b, 0, &info);
	int fd = accept_one(b, listener);
	channel_free(&b->desks[0]);
	wait_gone(b, fd);
	/* And fetch itself may end while something is under way. */
	open_desk(b, 0);
	order(b, 0, &info);
	fd = accept_one(b, listener);
	stop_fetch(b);
	start_fetch(b);
	assert_int_equal(b->results, 0);
	close(fd);
	close(listener);
}

static void absences_are_remembered(void **state)
{
	struct bench *b = *state;
	put(b, "a/x", "");
	put(b, "b/x", "");
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_NOT_FOUND);
	assert_in_range(b->last.ttl_ms, 1, b->options.absent_ms);
	put(b, "b/" E "v1.0.0.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_NOT_FOUND);
	restart_fetch(b); /* what is kept over a restart is for times of need only */
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
}

static void when_nobody_can_be_asked(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "list", "v1.0.0\n");
	put(b, "a/" E "main.info", INFO("v1.0.0"));
	put(b, "b/x", "");
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_OK);
	assert_int_equal(ask(b, TARGET_QUERY, M, "main"), MG_OK);
	assert_int_equal(ask(b, TARGET_LIST, "example.com", ""), MG_NOT_FOUND);
	move(b, "a", "gone");
	restart_fetch(b);
	assert_int_equal(ask_flags(b, TARGET_LIST, M, "", TICKET_REFRESH), MG_OK);
	assert_true(b->last.stale);
	assert_int_equal(ask_flags(b, TARGET_QUERY, M, "main", TICKET_REFRESH), MG_OK);
	assert_true(b->last.stale);
	assert_int_equal(ask(b, TARGET_LIST, "example.com", ""), MG_NOT_FOUND);
	assert_non_null(strstr(b->text, "cannot be asked"));
	assert_int_equal(ask(b, TARGET_LIST, "example.com/other", ""), MG_UNAVAILABLE);
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_UNAVAILABLE);
}

static void stored_versions_make_a_list(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.2.0.info", INFO("v1.2.0"));
	put(b, "b/x", "");
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.2.0"), MG_OK);
	put(b, "store/" KEY("v1.2.0.mod"), "module " M "\n");
	put(b, "store/" KEY("v1.2.0.zip"), "");
	put(b, "store/" KEY("v1.1.0.mod"), "module " M "\n"); /* not all of it */
	/* The origins say there is no list: the store is the module's last home. */
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_OK);
	assert_false(b->last.stale);
	assert_stored(b, KEY("list"), "v1.2.0\n");
	put(b, "a/" E "list", "v1.3.0\n");
	assert_int_equal(ask_flags(b, TARGET_LIST, M, "", TICKET_REFRESH), MG_OK);
	assert_stored(b, KEY("list"), "v1.2.0\nv1.3.0\n");
}

static void private_names_stay_in_the_house(void **state)
{
	struct bench *b = *state;
	static const char *const names[] = { "corp.example.com/team/x", "corp.example.com/team",
					     "corp.example.com" };
	b->options.private = "corp.example.com/team/*";
	b->options.go_get = true;
	const int listener = listen_silently(b);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char url_path[128];
		snprintf(url_path, sizeof url_path, "/%s", names[i]);
		assert_int_equal(ask(b, TARGET_LIST, names[i], ""), MG_NOT_FOUND);
		assert_int_equal(ask(b, TARGET_LATEST, names[i], ""), MG_NOT_FOUND);
		assert_int_equal(ask(b, TARGET_ZIP, names[i], "v1.0.0"), MG_NOT_FOUND);
		assert_int_equal(ask(b, TARGET_QUERY, names[i], "main"), MG_NOT_FOUND);
		assert_non_null(strstr(b->text, "GOPRIVATE"));
		assert_int_equal(ask_flags(b, TARGET_LIST, url_path, "", TICKET_GO_GET),
				 MG_NOT_FOUND);
	}
	assert_int_equal(accept(listener, NULL, NULL), -1);
	close(listener);
}

/* Nobody could deliver it, so that there is nothing to be proven either. */
static void what_no_upstream_may_hear_of_is_not_looked_up(void **state)
{
	struct bench *b = *state;
	char gosumdb[sizeof b->proxies + 20];
	const int listener = listen_silently(b);
	snprintf(gosumdb, sizeof gosumdb, "sum.golang.org %s", b->proxies);
	b->options.gosumdb = gosumdb;
	b->options.private = "corp.example.com/team/*";
	restart_fetch(b);
	assert_int_equal(ask(b, TARGET_MOD, "corp.example.com/team/x", "v1.0.0"), MG_NOT_FOUND);
	b->options.gosumdb = "off";
	restart_fetch(b);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	close(listener);
}

static void altered_versions_are_refused(void **state)
{
	struct bench *b = *state;
	struct store_file found;
	struct mg_err err;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	put(b, "a/" E "v1.0.0.mod", "module " M "\n\ngo 1.20\n");
	put(b, "store/" KEY("v1.0.0.mod"), "module X\n");
	assert_int_equal(b->forgets, 0);
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_PROOF);
	assert_true(b->forgets >= 1); /* told before the result, on each channel */
	assert_int_equal(store_find(b->store, KEY("v1.0.0.mod"), true, &found, &err), STORE_MISS);
	restart_fetch(b);
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
}

static void a_version_stays_with_its_origin(void **state)
{
	struct bench *b = *state;
	put(b, "a/x", "");
	put(b, "b/" E "v1.0.0.info", INFO("v1.0.0"));
	put(b, "b/" E "v1.0.0.mod", "module b\n");
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	put(b, "a/" E "v1.0.0.mod", "module a\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module b\n");
}

/* Who may be asked after anything keeps that place when another is on record. */
static void a_recorded_origin_that_is_gone_ends_nothing(void **state)
{
	struct bench *b = *state;
	snprintf(b->proxies, sizeof b->proxies, "file://%s/a|file://%s/b", b->root, b->root);
	restart_fetch(b);
	put(b, "a/x", "");
	put(b, "b/" E "v1.0.0.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	move(b, "b", "gone");
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
}

static void put_u16(FILE *f, unsigned v)
{
	fputc((int)(v & 0xff), f);
	fputc((int)(v >> 8), f);
}

static void put_u32(FILE *f, unsigned v)
{
	put_u16(f, v & 0xffff);
	put_u16(f, v >> 16);
}

/* A module zip of one stored file; a CRC of 0 counts as none. */
static void put_zip(struct bench *b, const char *file, const char *name, const char *text)
{
	char path[512];
	const unsigned name_n = (unsigned)strlen(name), n = (unsigned)strlen(text);
	put(b, file, "");
	snprintf(path, sizeof path, "%s/%s", b->root, file);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (int central = 0; central < 2; central++) {
		put_u32(f, central ? 0x02014b50u : 0x04034b50u);
		for (int i = 0; i < (central ? 6 : 5); i++)
			put_u16(f, 0); /* versions, flags, method, time, date */
		put_u32(f, 0);
		put_u32(f, n);
		put_u32(f, n);
		put_u16(f, name_n);
		for (int i = 0; i < (central ? 8 : 1); i++)
			put_u16(f, 0); /* extra; comment, disk, attributes, offset */
		fputs(name, f);
		if (!central) fputs(text, f);
	}
	put_u32(f, 0x06054b50u);
	put_u32(f, 0);
	put_u16(f, 1);
	put_u16(f, 1);
	put_u32(f, 46 + name_n);
	put_u32(f, 30 + name_n + n);
	put_u16(f, 0);
	fclose(f);
}

static void two_origins_must_agree_about_a_version(void **state)
{
	struct bench *b = *state;
	struct store_file found;
	struct mg_err err;
	put_zip(b, "a/" E "v1.0.0.zip", M "@v1.0.0/go.mod", "module a\n");
	put_zip(b, "a/" E "v1.1.0.zip", M "@v1.1.0/go.mod", "module a\n");
	put_zip(b, "a/" E "v1.2.0.zip", M "@v1.2.0/go.mod", "module b\r\n");
	put(b, "b/" E "v1.0.0.mod", "module b\n");
	put(b, "b/" E "v1.1.0.mod", "module b\n");
	put(b, "b/" E "v1.2.0.mod", "module b\n");
	/* The .mod after the zip. */
	assert_int_equal(ask(b, TARGET_ZIP, M, "v1.0.0"), MG_OK);
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_PROOF);
	assert_int_equal(store_find(b->store, KEY("v1.0.0.mod"), true, &found, &err), STORE_MISS);
	/* The zip after the .mod. */
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.1.0"), MG_OK);
	assert_int_equal(ask(b, TARGET_ZIP, M, "v1.1.0"), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_PROOF);
	/* Line ends are no disagreement. */
	assert_int_equal(ask(b, TARGET_ZIP, M, "v1.2.0"), MG_OK);
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.2.0"), MG_OK);
}

/* The front may say "damaged" for want of descriptors: what agrees with its record stays. */
static void a_false_alarm_costs_nothing(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	move(b, "a", "gone");
	put(b, "a/x", "");
	put(b, "b/x", "");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
}

/* Bytes whose record is lost are not served, but not thrown away before there are others either; and that
 * the origins lack them is no proof of absence. */
static void a_lost_record_is_no_absence(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	put(b, "store/" KEY("v1.0.0.provenance"), "junk");
	move(b, "a", "gone");
	put(b, "a/x", "");
	put(b, "b/x", "");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_CORRUPT);
	assert_int_equal(b->last.cause, MG_CAUSE_STORAGE);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_OK);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
	assert_int_equal(ask_flags(b, TARGET_MOD, M, "v1.0.0", TICKET_DAMAGED), MG_OK);
}

/* Without a length or chunks a body that was cut looks like a whole one, and a .mod cannot tell. */
static void a_mod_that_may_be_cut_is_refused(void **state)
{
	struct bench *b = *state;
	struct store_file found;
	struct mg_err err;
	static const char half[] = "HTTP/1.1 200 OK\r\n\r\nmodule exam";
	const int listener = listen_silently(b);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_MOD, .path = SPAN(M), .version = SPAN("v1.0.0") });
	const int fd = accept_one(b, listener);
	char request[1024];
	wait_readable(b, fd);
	assert_true(recv(fd, request, sizeof request, 0) > 0);
	assert_int_equal(send(fd, half, sizeof half - 1, MSG_NOSIGNAL), (ssize_t)sizeof half - 1);
	close(fd);
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_UNAVAILABLE);
	assert_int_equal(store_find(b->store, KEY("v1.0.0.mod"), true, &found, &err), STORE_MISS);
	close(listener);
}

static void no_text_tells_where_a_tree_lies(void **state)
{
	struct bench *b = *state;
	put(b, "a/x", "");
	put(b, "b/x", "");
	put(b, "a/" E "v1.0.1.mod", "<html>");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_NOT_FOUND);
	assert_null(strstr(b->text, b->root));
	assert_non_null(strstr(b->text, "answered 404"));
	assert_int_equal(ask(b, TARGET_LIST, M, ""), MG_NOT_FOUND);
	assert_null(strstr(b->text, b->root));
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.1"), MG_CORRUPT);
	assert_null(strstr(b->text, b->root));
	move(b, "a", "gone");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.2"), MG_UNAVAILABLE);
	assert_null(strstr(b->text, b->root));
}

/* What is no import path would go out with the upstream's password to other parts of it, or past the
 * patterns of private names. */
static void only_import_paths_are_passed_through(void **state)
{
	struct bench *b = *state;
	static const char *const names[] = { "/../admin",
					     "/example.com/../../admin",
					     "/example.com/%2e%2e/admin",
					     "/corp.example.com%2fteam/x",
					     "//corp.example.com/team/x",
					     "/corp.example.com/team/x/",
					     "/example.com/x?a=b&c",
					     "/example.com/x\r\nHost: y",
					     "" };
	b->options.private = "corp.example.com/team/*";
	b->options.go_get = true;
	const int listener = listen_silently(b);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(ask_flags(b, TARGET_LIST, names[i], "", TICKET_GO_GET),
				 MG_NOT_FOUND);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	close(listener);
}

/* A '%' is a character of a branch's name, also below a file:// root. */
static void names_are_not_decoded_twice(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "list", "");
	put(b, "a/" E "50%41.info", INFO("v1.0.0"));
	put(b, "b/x", "");
	put(b, "outside.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_QUERY, M, "%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2foutside"),
			 MG_NOT_FOUND);
	assert_int_equal(ask(b, TARGET_QUERY, M, "50A"), MG_NOT_FOUND);
	assert_int_equal(ask(b, TARGET_QUERY, M, "50%41"), MG_OK);
}

static void nonsense_is_survived(void **state)
{
	struct bench *b = *state;
	channel_send(b->desks[0], SPAN("nonsense"), NULL, 0);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_ZIP, .path = SPAN(".."), .version = SPAN("..") });
	wait_for(b, 1);
	assert_int_not_equal(b->last.code, MG_OK);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_INFO, .path = SPAN(M), .version = SPAN("main") });
	wait_for(b, 1);
	assert_int_not_equal(b->last.code, MG_OK);
	order(b, 0,
	      &(struct ticket){
		      .kind = TARGET_LATEST, .path = SPAN(M), .version = SPAN("v1.0.0") });
	put(b, "a/" E "v1.0.0.info", INFO("v1.0.0"));
	assert_int_equal(ask(b, TARGET_INFO, M, "v1.0.0"), MG_OK);
	struct fetch *f = NULL;
	struct mg_err err;
	assert_int_equal(fetch_new(b->loop, &(struct fetch_options){ .goproxy = "ftp://x.example" },
				   b->store, b->upstream, b->negative, &f, &err),
			 MG_INVALID);
}

static void many_orders_wait_for_one_thread(void **state)
{
	struct bench *b = *state;
	put(b, "a/" E "v1.0.0.info", INFO("v1.0.0"));
	b->options.threads = 1;
	restart_fetch(b);
	for (int i = 0; i < 50; i++) {
		char version[32];
		snprintf(version, sizeof version, "v1.0.%d", i);
		order(b, i % DESKS,
		      &(struct ticket){
			      .kind = TARGET_INFO, .path = SPAN(M), .version = span_of(version) });
	}
	wait_for(b, 50);
}

/* --- guesses --- */

#define OTHER   "example.com/other"
#define PRIVATE "example.com/private/x"

/* Tree a has many .info, and a .mod with requirements; what it lacks is asked of a listener. Orders have
 * earned some guesses when this returns. */
static int earn_guesses(struct bench *b)
{
	put(b, "a/" E "v1.0.0.mod",
	    "module " M "\nrequire " PRIVATE " v1.0.0\nrequire " OTHER " v1.0.0\n");
	for (int i = 0; i < 40; i++) {
		char file[100], text[100];
		snprintf(file, sizeof file, "a/" E "v1.1.%d.info", i);
		snprintf(text, sizeof text,
			 "{\"Version\":\"v1.1.%d\",\"Time\":\"2020-01-01T00:00:00Z\"}", i);
		put(b, file, text);
	}
	b->options.private = "example.com/private";
	const int fd = listen_silently(b);
	char http[sizeof b->proxies];
	snprintf(http, sizeof http, "%s", b->proxies);
	snprintf(b->proxies, sizeof b->proxies, "file://%s/a,%.99s", b->root, http);
	restart_fetch(b);
	order(b, 0,
	      &(struct ticket){ .kind = TARGET_MOD,
				.path = SPAN(M),
				.version = SPAN("v1.0.0"),
				.via = SPAN("1.1 them") });
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_OK);
	for (int i = 0; i < 40; i++) {
		char version[32];
		snprintf(version, sizeof version, "v1.1.%d", i);
		order(b, 0,
		      &(struct ticket){ .kind = TARGET_INFO,
					.path = SPAN(M),
					.version = span_of(version),
					.via = SPAN("1.1 them") });
	}
	wait_for(b, 40);
	assert_int_equal(b->last.code, MG_OK);
	return fd;
}

/* What the next one to come asks for. */
static int accept_request(struct bench *b, int listener, char *request, size_t n)
{
	const int fd = accept_one(b, listener);
	wait_readable(b, fd);
	const ssize_t got = recv(fd, request, n - 1, 0);
	assert_true(got > 0);
	request[got] = '\0';
	return fd;
}

/* Guesses come until the one that is sure to be read; fds hold them open. */
static size_t accept_guesses(struct bench *b, int listener, int *fds, size_t max)
{
	char request[2048];
	for (size_t n = 0; n < max; n++) {
		fds[n] = accept_request(b, listener, request, sizeof request);
		assert_null(strstr(request, ".zip"));
		assert_null(strstr(request, "private"));
		assert_non_null(strstr(request, ".mod HTTP/1.1\r\n"));
		assert_non_null(strstr(request, "Via: 1.1 them, 1.1 test\r\n"));
		if (strstr(request, "GET /" OTHER "/@v/v1.0.0.mod ") != NULL) return n + 1;
	}
	fail_msg("the requirement was not guessed");
	return 0;
}

static void guesses_are_modest(void **state)
{
	struct bench *b = *state;
	int fds[16];
	const int listener = earn_guesses(b);
	const size_t n = accept_guesses(b, listener, fds, 16);
	/* Nobody hears of them; and fetch ends with some on their way, and others that wait. */
	assert_int_equal(b->results, 41);
	stop_fetch(b);
	start_fetch(b);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	close(listener);
}

static void a_guess_may_be_joined_and_left(void **state)
{
	struct bench *b = *state;
	int fds[16];
	const struct ticket mod = { .kind = TARGET_MOD,
				    .path = SPAN(OTHER),
				    .version = SPAN("v1.0.0") };
	const int listener = earn_guesses(b);
	const size_t n = accept_guesses(b, listener, fds, 16);
	const uint32_t first = order(b, 0, &mod);
	order(b, 1, &mod);
	cancel_order(b, 0, first);
	answer(fds[n - 1], "module " OTHER "\n");
	wait_for(b, 1);
	assert_int_equal(b->last.code, MG_OK);
	assert_int_equal(b->results, 42);
	assert_stored(b, "modules/" OTHER "/@v/v1.0.0.mod", "module " OTHER "\n");
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	close(listener);
}

/* A proof on its way keeps nobody from ending, neither who asks nor who waits for his answer. */
static void fetch_ends_while_the_database_is_silent(void **state)
{
	struct bench *b = *state;
	char request[2048], proxies[sizeof b->proxies], gosumdb[128];
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	snprintf(proxies, sizeof proxies, "file://%s/a", b->root);
	const int listener = listen_silently(b);
	snprintf(gosumdb, sizeof gosumdb, "sum.golang.org %.99s", b->proxies);
	memcpy(b->proxies, proxies, sizeof proxies);
	b->options.gosumdb = gosumdb;
	restart_fetch(b);
	const struct ticket mod = { .kind = TARGET_MOD,
				    .path = SPAN(M),
				    .version = SPAN("v1.0.0") };
	const struct ticket lookup = { .flags = TICKET_SUMDB,
				       .path = SPAN("lookup/example.com/!m@v1.0.0") };
	order(b, 0, &mod);
	order(b, 1, &mod);
	order(b, 1, &lookup);
	const int fd = accept_request(b, listener, request, sizeof request);
	assert_non_null(strstr(request, "GET /lookup/example.com/%21m@v1.0.0 "));
	assert_int_equal(accept(listener, NULL, NULL), -1);
	b->options.gosumdb = "off";
	stop_fetch(b);
	start_fetch(b);
	assert_int_equal(b->results, 0);
	close(fd);
	close(listener);
}

/* Who has found the stored copy damaged is not told that it is there. */
static void damage_is_no_reason_to_join(void **state)
{
	struct bench *b = *state;
	const struct ticket mod = { .kind = TARGET_MOD,
				    .path = SPAN(M),
				    .version = SPAN("v1.0.0") };
	struct ticket damaged = mod;
	damaged.flags = TICKET_DAMAGED;
	put(b, "a/" E "v1.0.0.mod", "module " M "\n");
	assert_int_equal(ask(b, TARGET_MOD, M, "v1.0.0"), MG_OK);
	put(b, "store/" KEY("v1.0.0.mod"), "module X\n");
	order(b, 0, &mod);
	order(b, 1, &damaged);
	wait_for(b, 2);
	assert_stored(b, KEY("v1.0.0.mod"), "module " M "\n");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(small_kinds_end_up_in_the_store),
		TEST(bad_answers_are_not_stored),
		TEST(one_flight_for_all_askers),
		TEST(the_last_to_leave_ends_the_flight),
		TEST(a_worker_that_goes_takes_its_orders_along),
		TEST(absences_are_remembered),
		TEST(when_nobody_can_be_asked),
		TEST(stored_versions_make_a_list),
		TEST(private_names_stay_in_the_house),
		TEST(what_no_upstream_may_hear_of_is_not_looked_up),
		TEST(altered_versions_are_refused),
		TEST(a_version_stays_with_its_origin),
		TEST(a_recorded_origin_that_is_gone_ends_nothing),
		TEST(two_origins_must_agree_about_a_version),
		TEST(a_false_alarm_costs_nothing),
		TEST(a_lost_record_is_no_absence),
		TEST(a_mod_that_may_be_cut_is_refused),
		TEST(no_text_tells_where_a_tree_lies),
		TEST(only_import_paths_are_passed_through),
		TEST(names_are_not_decoded_twice),
		TEST(nonsense_is_survived),
		TEST(many_orders_wait_for_one_thread),
		TEST(guesses_are_modest),
		TEST(a_guess_may_be_joined_and_left),
		TEST(fetch_ends_while_the_database_is_silent),
		TEST(damage_is_no_reason_to_join),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
