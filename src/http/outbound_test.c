/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/outbound.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define ID   "0123456789abcdef"

static int releases;

struct fixture {
	int ends[2];
	struct transport wire;
	struct outbound out;
	char *got;
	size_t got_n;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f->ends), 0);
	transport_init(&f->wire, f->ends[0], NULL);
	f->out = (struct outbound){ .bytes = BUF_MAX(SIZE_MAX / 2) };
	f->got = test_malloc(16 << 20);
	releases = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	outbound_deinit(&f->out);
	transport_close(&f->wire, false);
	close(f->ends[1]);
	test_free(f->got);
	test_free(f);
	return 0;
}

static struct reply_spec spec_of(struct mg_span body)
{
	return (struct reply_spec){ .status = 200,
				    .content_type = SPAN("text/plain"),
				    .etag = SPAN("\"e\""),
				    .last_modified = 784111777,
				    .cache_control = SPAN("no-cache"),
				    .fields = SPAN("X-A: b\r\n"),
				    .body = body,
				    .request_id_at = -1 };
}

static struct outbound_how how_of(enum conditional_verdict verdict, uint64_t first, uint64_t last)
{
	return (struct outbound_how){ .verdict = verdict,
				      .first = first,
				      .last = last,
				      .date = DATE,
				      .id = ID,
				      .server = SPAN("Server: t\r\n") };
}

static void drain(struct fixture *f)
{
	ssize_t n;

	while ((n = read(f->ends[1], f->got + f->got_n, (16 << 20) - f->got_n)) > 0)
		f->got_n += (size_t)n;
}

static enum outbound_result push_all(struct fixture *f)
{
	enum outbound_result result;
	bool progress;

	do {
		result = outbound_push(&f->out, &f->wire, true, &progress);
		drain(f);
	} while (result == OUTBOUND_FULL);
	return result;
}

static void expect(struct fixture *f, const char *want)
{
	f->got[f->got_n] = '\0';
	assert_string_equal(f->got, want);
	f->got_n = 0;
}

#define SHARED                                                                                     \
	"Cache-Control: no-cache\r\nETag: \"e\"\r\nAccept-Ranges: bytes\r\n"                       \
	"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-A: b\r\n"

static void heads_of_each_kind(void **state)
{
	struct fixture *f = *state;
	struct reply_spec spec = spec_of(SPAN("0123456789"));
	struct reply *r = reply_new(&spec);
	struct outbound_how how = how_of(CONDITIONAL_FULL, 0, 0);

	outbound_add(&f->out, r, &how);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	expect(f, "HTTP/1.1 200 OK\r\nDate: " DATE "\r\n" SHARED
		  "Content-Type: text/plain\r\nContent-Length: 10\r\nServer: t\r\n\r\n0123456789");

	how.head_only = true;
	how.id_field = true;
	how.connection = SPAN("Connection: close\r\n");
	outbound_add(&f->out, r, &how);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	expect(f, "HTTP/1.1 200 OK\r\nDate: " DATE "\r\n" SHARED
		  "Content-Type: text/plain\r\nContent-Length: 10\r\nServer: t\r\n"
		  "Connection: close\r\nX-Request-Id: " ID "\r\n\r\n");

	how = how_of(CONDITIONAL_NOT_MODIFIED, 0, 0);
	outbound_add(&f->out, r, &how);
	how = how_of(CONDITIONAL_PARTIAL, 3, 5);
	outbound_add(&f->out, r, &how);
	how = how_of(CONDITIONAL_UNSATISFIABLE, 0, 0);
	outbound_add(&f->out, r, &how);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	expect(f, "HTTP/1.1 304 Not Modified\r\nDate: " DATE "\r\n" SHARED "Server: t\r\n\r\n"
		  "HTTP/1.1 206 Partial Content\r\nDate: " DATE "\r\n" SHARED
		  "Content-Type: text/plain\r\nContent-Range: bytes 3-5/10\r\nContent-Length: 3\r\n"
		  "Server: t\r\n\r\n345"
		  "HTTP/1.1 416 Range Not Satisfiable\r\nDate: " DATE "\r\n"
		  "Content-Range: bytes */10\r\nContent-Length: 0\r\nServer: t\r\n\r\n");
	reply_unref(&r);
	assert_null(r);
}

static void request_id_is_put_into_the_body(void **state)
{
	struct fixture *f = *state;
	struct reply_spec spec = { .status = 503,
				   .last_modified = -1,
				   .body = SPAN("no [0000000000000000]\n"),
				   .request_id_at = 4 };
	struct reply *r = reply_new(&spec);
	struct outbound_how how = how_of(CONDITIONAL_FULL, 0, 0);

	outbound_add(&f->out, r, &how);
	reply_unref(&r);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	expect(f, "HTTP/1.1 503 Service Unavailable\r\nDate: " DATE "\r\n"
		  "Content-Length: 22\r\nServer: t\r\n\r\nno [" ID "]\n");
}

static void bodiless_statuses_have_no_length(void **state)
{
	struct fixture *f = *state;
	struct reply_spec spec = { .status = 204, .last_modified = -1, .request_id_at = -1 };
	struct reply *r = reply_new(&spec);
	struct outbound_how how = how_of(CONDITIONAL_FULL, 0, 0);

	assert_int_equal(reply_status(r), 204);
	assert_true(reply_bytes(r) > 0);
	outbound_add(&f->out, r, &how);
	reply_unref(&r);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	expect(f, "HTTP/1.1 204 No Content\r\nDate: " DATE "\r\nServer: t\r\n\r\n");
}

static void large_body_is_sent_in_pieces_without_a_copy(void **state)
{
	struct fixture *f = *state;
	size_t n = 5 << 20;
	char *bytes = test_malloc(n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 997);
	struct reply_spec spec = spec_of(span_make(bytes, n));
	struct reply *r = reply_new(&spec);
	struct outbound_how how = how_of(CONDITIONAL_FULL, 0, 0);
	outbound_add(&f->out, r, &how);
	assert_true(f->out.bytes.n < 1000);
	assert_false(outbound_open(&f->out));
	reply_unref(&r);

	/* The buffer serves others while this one waits for its peer. */
	bool progress;
	assert_int_equal(outbound_push(&f->out, &f->wire, true, &progress), OUTBOUND_FULL);
	assert_true(progress);
	struct outbound moved;
	outbound_move(&f->out, &moved);
	assert_true(outbound_empty(&f->out));
	outbound_deinit(&f->out);
	f->out = moved;
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	assert_true(f->got_n > n);
	assert_memory_equal(f->got + f->got_n - n, bytes, n);
	test_free(bytes);
}

static void on_release(struct reply_file *file)
{
	releases++;
	close(file->fd);
}

static void make_file(struct reply_file *file, size_t n)
{
	static char block[64 << 10];

	*file = (struct reply_file){ .fd = memfd_create("body", MFD_CLOEXEC),
				     .size = n,
				     .release = on_release };
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)(i * 31);
	for (size_t at = 0; at < n; at += sizeof block)
		assert_int_equal(write(file->fd, block, sizeof block), sizeof block);
}

static void file_body_and_its_ranges(void **state)
{
	struct fixture *f = *state;
	struct reply_file file;
	const size_t n = 3 << 20;
	char *want = test_malloc(n);

	make_file(&file, n);
	assert_int_equal(pread(file.fd, want, n, 0), n);
	struct reply_spec spec = spec_of((struct mg_span){ 0 });
	spec.file = &file;
	struct reply *r = reply_new(&spec);
	struct outbound_how how = how_of(CONDITIONAL_FULL, 0, 0);
	outbound_add(&f->out, r, &how);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	assert_memory_equal(f->got + f->got_n - n, want, n);

	f->got_n = 0;
	how = how_of(CONDITIONAL_PARTIAL, 1000001, 2000000);
	outbound_add(&f->out, r, &how);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	assert_memory_equal(f->got + f->got_n - 1000000, want + 1000001, 1000000);

	f->got_n = 0;
	how = how_of(CONDITIONAL_FULL, 0, 0);
	how.head_only = true;
	outbound_add(&f->out, r, &how);
	assert_int_equal(push_all(f), OUTBOUND_DONE);
	assert_true(f->got_n < 1000);
	assert_int_equal(releases, 0);
	reply_unref(&r);
	assert_int_equal(releases, 1);
	test_free(want);
}

static void truncated_file_breaks_the_connection(void **state)
{
	struct fixture *f = *state;
	static struct reply_file file; /* let go of in teardown */

	make_file(&file, 1 << 20);
	struct reply_spec spec = spec_of((struct mg_span){ 0 });
	spec.file = &file;
	struct reply *r = reply_new(&spec);
	struct outbound_how how = how_of(CONDITIONAL_FULL, 0, 0);
	outbound_add(&f->out, r, &how);
	reply_unref(&r);
	assert_int_equal(ftruncate(file.fd, 100000), 0);
	enum outbound_result result = push_all(f);
	/* The page check sees the hole first; the lane's read changes nothing about it. */
	if (result == OUTBOUND_DISK) {
		f->out.resident_to = f->out.to;
		result = push_all(f);
	}
	assert_int_equal(result, OUTBOUND_BROKEN);
	assert_true(f->got_n < 102000);
}

static void gone_peer_breaks_the_connection(void **state)
{
	struct fixture *f = *state;
	struct reply_spec spec = spec_of(SPAN("x"));
	struct reply *r = reply_new(&spec);
	struct outbound_how how = how_of(CONDITIONAL_FULL, 0, 0);
	bool progress;

	outbound_add(&f->out, r, &how);
	reply_unref(&r);
	shutdown(f->ends[1], SHUT_RDWR);
	assert_int_equal(outbound_push(&f->out, &f->wire, true, &progress), OUTBOUND_BROKEN);
	assert_false(progress);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(heads_of_each_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(request_id_is_put_into_the_body, setup, teardown),
		cmocka_unit_test_setup_teardown(bodiless_statuses_have_no_length, setup, teardown),
		cmocka_unit_test_setup_teardown(large_body_is_sent_in_pieces_without_a_copy, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_body_and_its_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated_file_breaks_the_connection, setup,
						teardown),
		cmocka_unit_test_setup_teardown(gone_peer_breaks_the_connection, setup, teardown),
	};

	return cmocka_run_group_tests_name("outbound", tests, NULL, NULL);
}
