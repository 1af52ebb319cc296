/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "wire/fieldhead.h"

struct field {
	const char *name, *value;
};

#define FIELDS_MAX 8
#define SCHEME                                                                                     \
	{                                                                                          \
		":scheme", "https"                                                                 \
	}
#define PLAIN                                                                                      \
	{ ":method", "GET" }, SCHEME, { ":authority", "a" },                                       \
	{                                                                                          \
		":path", "/"                                                                       \
	}

static struct fieldhead judge(const struct field *fields, struct head *out)
{
	struct fieldhead f;

	fieldhead_begin(&f, out);
	for (size_t i = 0; i < FIELDS_MAX && fields[i].name != NULL; i++)
		fieldhead_add(&f, span_of(fields[i].name), span_of(fields[i].value));
	fieldhead_end(&f);
	return f;
}

static void is(struct mg_span s, const char *wanted)
{
	if (wanted == NULL) {
		assert_null(s.p);
		return;
	}
	assert_non_null(s.p);
	assert_int_equal(s.n, strlen(wanted));
	assert_memory_equal(s.p, wanted, s.n);
}

static void test_request_of_the_go_command(void **state)
{
	static const struct field fields[FIELDS_MAX] = {
		{ ":authority", "localhost:8080" },
		{ ":method", "GET" },
		{ ":path", "/mirror.example/!foo/@v/v1.2.3.info?x=y" },
		{ ":scheme", "http" },
		{ "accept-encoding", "gzip" },
		{ "user-agent", "Go-http-client/2.0" },
	};
	struct head h;

	assert_null(judge(fields, &h).reason);
	assert_int_equal(h.method, HEAD_GET);
	is(h.method_name, "GET");
	is(h.target, "/mirror.example/!foo/@v/v1.2.3.info?x=y");
	is(h.path, "/mirror.example/!foo/@v/v1.2.3.info");
	is(h.query, "x=y");
	is(h.field[HEAD_FIELD_HOST], "localhost:8080");
	is(h.field[HEAD_FIELD_USER_AGENT], "Go-http-client/2.0");
	is(h.field[HEAD_FIELD_RANGE], NULL);
	assert_true(h.keep_alive);
	assert_int_equal(h.content_length, 0);
}

static void test_what_is_taken_and_refused(void **state)
{
	static const struct {
		struct field fields[FIELDS_MAX];
		int status; /* 0: taken */
	} cases[] = {
		{ { PLAIN }, 0 },
		{ { PLAIN, { "host", "A" } }, 0 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "/" }, { "host", "a" } }, 0 },
		{ { { ":method", "OPTIONS" }, SCHEME, { ":path", "*" }, { ":authority", "a" } },
		  0 },
		{ { { ":method", "get" }, SCHEME, { ":path", "/" }, { ":authority", "a" } }, 0 },
		{ { PLAIN, { "te", "trailers" } }, 0 },
		{ { PLAIN, { "expect", "100-continue" } }, 0 },
		{ { PLAIN, { "content-length", "12" }, { "x-forwarded-for", "b" } }, 0 },
		{ { PLAIN, { "x-empty", "" } }, 0 },
		{ { PLAIN, { "host", "b" } }, 400 },
		{ { PLAIN, { "host", "a" }, { "host", "a" } }, 400 },
		{ { PLAIN, { ":authority", "a" } }, 400 },
		{ { PLAIN, { ":path", "/" } }, 400 },
		{ { PLAIN, { ":method", "GET" } }, 400 },
		{ { PLAIN, SCHEME }, 400 },
		{ { PLAIN, { ":status", "200" } }, 400 },
		{ { { "a", "b" }, PLAIN }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "/" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":authority", "a" } }, 400 },
		{ { { ":method", "GET" }, { ":path", "/" }, { ":authority", "a" } }, 400 },
		{ { SCHEME, { ":path", "/" }, { ":authority", "a" } }, 400 },
		{ { { ":method", "CONNECT" }, { ":authority", "a:1" } }, 400 },
		{ { { ":method", "" }, SCHEME, { ":path", "/" }, { ":authority", "a" } }, 400 },
		{ { { ":method", "G T" }, SCHEME, { ":path", "/" }, { ":authority", "a" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "" }, { ":authority", "a" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "*" }, { ":authority", "a" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "a" }, { ":authority", "a" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "/ " }, { ":authority", "a" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "/#" }, { ":authority", "a" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "/" }, { ":authority", "" } }, 400 },
		{ { { ":method", "GET" }, SCHEME, { ":path", "/" }, { ":authority", "a@b" } },
		  400 },
		{ { { ":method", "GET" },
		    { ":scheme", "ftp" },
		    { ":path", "/" },
		    { ":authority", "a" } },
		  400 },
		{ { PLAIN, { "X", "y" } }, 400 },
		{ { PLAIN, { "", "y" } }, 400 },
		{ { PLAIN, { "x y", "z" } }, 400 },
		{ { PLAIN, { "x", " y" } }, 400 },
		{ { PLAIN, { "x", "y\t" } }, 400 },
		{ { PLAIN, { "x", "y\r\nz: 1" } }, 400 },
		{ { PLAIN, { "connection", "close" } }, 400 },
		{ { PLAIN, { "keep-alive", "1" } }, 400 },
		{ { PLAIN, { "proxy-connection", "close" } }, 400 },
		{ { PLAIN, { "transfer-encoding", "chunked" } }, 400 },
		{ { PLAIN, { "upgrade", "h2c" } }, 400 },
		{ { PLAIN, { "te", "gzip" } }, 400 },
		{ { PLAIN, { "content-length", "1" }, { "content-length", "1" } }, 400 },
		{ { PLAIN, { "content-length", "+1" } }, 400 },
		{ { PLAIN, { "range", "bytes=0-" }, { "range", "bytes=1-" } }, 400 },
		{ { PLAIN, { "expect", "tea" } }, 417 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct head h;
		struct fieldhead f = judge(cases[i].fields, &h);
		if ((f.reason == NULL ? 0 : f.status) != cases[i].status)
			fail_msg("case %zu: %d %s", i, f.status, f.reason);
	}
}

static void test_limits(void **state)
{
	static const struct field plain[FIELDS_MAX] = { PLAIN };
	struct mg_buf long_path = BUF_MAX(64u << 10);
	struct head h;
	struct fieldhead f = judge(plain, &h);

	for (int i = 0; i < HEAD_MAX_FIELDS; i++)
		fieldhead_add(&f, SPAN("x"), SPAN("y"));
	assert_true(fieldhead_end(&f));
	fieldhead_add(&f, SPAN("x"), SPAN("y"));
	assert_false(fieldhead_end(&f));
	assert_int_equal(f.status, 431);

	buf_append_str(&long_path, "/");
	while (long_path.n <= HEAD_MAX_TARGET)
		buf_append_char(&long_path, 'a');
	fieldhead_begin(&f, &h);
	fieldhead_add(&f, SPAN(":path"), buf_span(&long_path));
	assert_false(fieldhead_end(&f));
	assert_int_equal(f.status, 414);

	f = judge(plain, &h);
	fieldhead_add(&f, SPAN("x"), buf_span(&long_path));
	assert_true(fieldhead_end(&f));
	fieldhead_add(&f, SPAN("x"), buf_span(&long_path));
	assert_false(fieldhead_end(&f));
	assert_int_equal(f.status, 431);
	buf_deinit(&long_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_of_the_go_command),
		cmocka_unit_test(test_what_is_taken_and_refused),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
