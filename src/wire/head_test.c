/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/head.h"

struct verdict {
	enum head_result result;
	struct head head;
	size_t used;
	int status;
	const char *reason;
};

static struct verdict judge(struct mg_span bytes)
{
	struct verdict v = { .status = 0 };
	size_t scanned = 0;
	v.result = head_parse(bytes, &scanned, &v.head, &v.used, &v.status, &v.reason);
	return v;
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
	static const char text[] = "GET /mirror.example/!foo/@v/v1.2.3.info HTTP/1.1\r\n"
				   "Host: localhost:8080\r\n"
				   "User-Agent: Go-http-client/1.1\r\n"
				   "Accept-Encoding: gzip\r\n"
				   "\r\n";
	struct verdict v = judge(span_of(text));
	assert_int_equal(v.result, HEAD_DONE);
	assert_int_equal(v.used, sizeof text - 1);
	assert_int_equal(v.head.method, HEAD_GET);
	is(v.head.method_name, "GET");
	is(v.head.target, "/mirror.example/!foo/@v/v1.2.3.info");
	is(v.head.path, "/mirror.example/!foo/@v/v1.2.3.info");
	is(v.head.query, NULL);
	assert_int_equal(v.head.minor, 1);
	assert_true(v.head.keep_alive);
	assert_false(v.head.expect_continue);
	assert_false(v.head.chunked);
	assert_int_equal(v.head.content_length, 0);
	is(v.head.field[HEAD_FIELD_HOST], "localhost:8080");
	is(v.head.field[HEAD_FIELD_USER_AGENT], "Go-http-client/1.1");
	is(v.head.field[HEAD_FIELD_RANGE], NULL);
}

static void test_request_lines(void **state)
{
	static const struct {
		const char *line;
		int status; /* 0: accepted */
		enum head_method method;
		const char *target, *path, *query;
	} cases[] = {
		{ "GET / HTTP/1.1", 0, HEAD_GET, "/", "/", NULL },
		{ "HEAD /a?b=c HTTP/1.1", 0, HEAD_HEAD, "/a?b=c", "/a", "b=c" },
		{ "POST /a? HTTP/1.1", 0, HEAD_POST, "/a?", "/a", "" },
		{ "OPTIONS * HTTP/1.1", 0, HEAD_OPTIONS, "*", "*", NULL },
		{ "get / HTTP/1.1", 0, HEAD_OTHER, "/", "/", NULL },
		{ "BREW //x?? HTTP/1.1", 0, HEAD_OTHER, "//x??", "//x", "?" },
		{ "GET /%zz'\"<>[]{}|\\^` HTTP/1.1", 0, HEAD_GET, "/%zz'\"<>[]{}|\\^`",
		  "/%zz'\"<>[]{}|\\^`", NULL },
		{ "GET http://other.example/a/b?c HTTP/1.1", 0, HEAD_GET, "/a/b?c", "/a/b", "c" },
		{ "GET HTTPS://other.example:443/?/ HTTP/1.1", 0, HEAD_GET, "/?/", "/", "/" },
		{ "GET http://other.example HTTP/1.1", 0, HEAD_GET, "/", "/", NULL },
		{ "GET http://[::1]:80/x HTTP/1.1", 0, HEAD_GET, "/x", "/x", NULL },
		{ "GET http://other.example?q HTTP/1.1", 400 },
		{ "GET http:///x HTTP/1.1", 400 },
		{ "GET http://u@other.example/x HTTP/1.1", 400 },
		{ "GET ftp://other.example/x HTTP/1.1", 400 },
		{ "GET http:/x HTTP/1.1", 400 },
		{ "GET h HTTP/1.1", 400 },
		{ "GET ?x HTTP/1.1", 400 },
		{ "GET * HTTP/1.1", 400 },
		{ "OPTIONS ** HTTP/1.1", 400 },
		{ "CONNECT h.example:443 HTTP/1.1", 400 },
		{ "GET a/b HTTP/1.1", 400 },
		{ "GET  / HTTP/1.1", 400 },
		{ "GET /  HTTP/1.1", 400 },
		{ "GET / HTTP/1.1 ", 400 },
		{ "GET /\tHTTP/1.1", 400 },
		{ "GET\t/ HTTP/1.1", 400 },
		{ " GET / HTTP/1.1", 400 },
		{ "GET /a b HTTP/1.1", 400 },
		{ "GET /a#b HTTP/1.1", 400 },
		{ "GET /?a#b HTTP/1.1", 400 },
		{ "GET /\xc3\xbc HTTP/1.1", 400 },
		{ "GET /\x01 HTTP/1.1", 400 },
		{ "GET /\x7f HTTP/1.1", 400 },
		{ "GET /?\x7f HTTP/1.1", 400 },
		{ "GET /", 400 },
		{ "GET", 400 },
		{ "", 400 },
		{ "G(T / HTTP/1.1", 400 },
		{ "G\xc3T / HTTP/1.1", 400 },
		{ "GET / HTTP/1.2", 505 },
		{ "GET / HTTP/2.0", 505 },
		{ "GET / HTTP/0.9", 505 },
		{ "PRI * HTTP/2.0", 400 },
		{ "GET / HTTP/1.10", 400 },
		{ "GET / HTTP/1", 400 },
		{ "GET / HTTP/x.1", 400 },
		{ "GET / http/1.1", 400 },
		{ "GET / HTTP/1,1", 400 },
		{ "GET / HTTPS/1.1", 400 },
		{ "GET / JUNK", 400 },
		{ "GET / HTTP/1.1\rX: y", 400 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_buf b = BUF_MAX(1000);
		buf_printf(&b, "%s\r\nHost: h\r\n\r\n", cases[i].line);
		struct verdict v = judge(buf_span(&b));
		if (cases[i].status != 0) {
			if (v.result != HEAD_BAD || v.status != cases[i].status)
				fail_msg("\"%s\": result %d, status %d", cases[i].line, v.result,
					 v.status);
			assert_true(strlen(v.reason) > 0);
		} else {
			if (v.result != HEAD_DONE) fail_msg("\"%s\": %s", cases[i].line, v.reason);
			assert_int_equal(v.head.method, cases[i].method);
			is(v.head.target, cases[i].target);
			is(v.head.path, cases[i].path);
			is(v.head.query, cases[i].query);
		}
		buf_deinit(&b);
	}
}

static void test_absolute_form_replaces_host(void **state)
{
	struct verdict v =
		judge(SPAN("GET http://a.example:81/x HTTP/1.1\r\nHost: b.example\r\n\r\n"));
	assert_int_equal(v.result, HEAD_DONE);
	is(v.head.field[HEAD_FIELD_HOST], "a.example:81");
	v = judge(SPAN("GET http://a.example/x HTTP/1.0\r\n\r\n"));
	assert_int_equal(v.result, HEAD_DONE);
	is(v.head.field[HEAD_FIELD_HOST], "a.example");
	/* Host is still one, and still a host. */
	v = judge(SPAN("GET http://a.example/x HTTP/1.1\r\nHost: b/c\r\n\r\n"));
	assert_int_equal(v.status, 400);
	v = judge(SPAN("GET http://a.example/x HTTP/1.1\r\n\r\n"));
	assert_int_equal(v.status, 400);
}

/* Each case is the header lines of a request, HTTP/1.1 unless it begins with "0:"; a Host line is put
 * before them unless they have one. */
static struct verdict judge_fields(const char *lines, struct mg_buf *b)
{
	bool old = strncmp(lines, "0:", 2) == 0;
	buf_clear(b);
	buf_printf(b, "GET / HTTP/1.%d\r\n", !old);
	if (!old && strcasestr(lines, "host:") == NULL) buf_append_str(b, "Host: h\r\n");
	buf_printf(b, "%s\r\n", lines + (old ? 2 : 0));
	return judge(buf_span(b));
}

static void test_refused_fields(void **state)
{
	static const struct {
		const char *lines;
		int status;
	} cases[] = {
		/* lines */
		{ "A: b\n", 400 },
		{ "A: b\nC: d\r\n", 400 },
		{ "A: b\rC: d\r\n", 400 },
		{ "A: b\r\r\n", 400 },
		{ "A: b\r\n c\r\n", 400 },
		{ "A: b\r\n\tc\r\n", 400 },
		{ " A: b\r\n", 400 },
		{ "A : b\r\n", 400 },
		{ "A\t: b\r\n", 400 },
		{ "A b: c\r\n", 400 },
		{ "A\r\n", 400 },
		{ ": b\r\n", 400 },
		{ "A(: b\r\n", 400 },
		{ "A\xc3: b\r\n", 400 },
		{ "A: b\x01\r\n", 400 },
		{ "A: b\x7f\r\n", 400 },
		{ "A: long enough for a word\x0b, and on\r\n", 400 },
		{ "A: long enough for a word\x7f, and on\r\n", 400 },
		/* length and coding */
		{ "Content-Length: 1\r\nContent-Length: 1\r\n", 400 },
		{ "Content-Length: 1, 1\r\n", 400 },
		{ "Content-Length: +1\r\n", 400 },
		{ "Content-Length: -1\r\n", 400 },
		{ "Content-Length: 0x1\r\n", 400 },
		{ "Content-Length: 1 1\r\n", 400 },
		{ "Content-Length:\r\n", 400 },
		{ "Content-Length: 9223372036854775808\r\n", 400 },
		{ "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ "0:Transfer-Encoding: chunked\r\n", 400 },
		{ "Transfer-Encoding: gzip, chunked\r\n", 501 },
		{ "Transfer-Encoding: chunked, chunked\r\n", 501 },
		{ "Transfer-Encoding: identity\r\n", 501 },
		{ "Transfer-Encoding: xchunked\r\n", 501 },
		{ "Transfer-Encoding: \"chunked\"\r\n", 501 },
		{ "Transfer-Encoding: chunked;q=1\r\n", 501 },
		{ "Transfer-Encoding: \x0b"
		  "chunked\r\n",
		  400 },
		{ "Transfer-Encoding:\r\n", 501 },
		/* host */
		{ "Host: a\r\nHost: a\r\n", 400 },
		{ "Host:\r\n", 400 },
		{ "Host: a b\r\n", 400 },
		{ "Host: a,b\r\n", 400 },
		{ "Host: a/b\r\n", 400 },
		{ "Host: u@a\r\n", 400 },
		{ "Host: a:b\r\n", 400 },
		{ "Host: a:1:2\r\n", 400 },
		{ "Host: :80\r\n", 400 },
		{ "Host: a:123456\r\n", 400 },
		{ "Host: [::1\r\n", 400 },
		{ "Host: []\r\n", 400 },
		{ "Host: [::1]x\r\n", 400 },
		{ "Host: [::g]\r\n", 400 },
		{ "Host: \xc3\xbc\r\n", 400 },
		/* once only */
		{ "Range: bytes=0-1\r\nrange: bytes=0-1\r\n", 400 },
		{ "If-Range: \"a\"\r\nIf-Range: \"a\"\r\n", 400 },
		{ "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n", 400 },
		{ "If-Modified-Since: x\r\nIf-Modified-Since: x\r\n", 400 },
		{ "Authorization: a\r\nAuthorization: b\r\n", 400 },
		{ "Disable-Module-Fetch: true\r\nDisable-Module-Fetch: false\r\n", 400 },
		/* expectations */
		{ "Expect: 200-ok\r\n", 417 },
		{ "Expect:\r\n", 417 },
		{ "Expect: 100-continue, 100-continue\r\n", 417 },
	};
	struct mg_buf b = BUF_MAX(2000);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict v = judge_fields(cases[i].lines, &b);
		if (v.result != HEAD_BAD || v.status != cases[i].status)
			fail_msg("\"%s\": result %d, status %d", cases[i].lines, v.result,
				 v.status);
		assert_true(strlen(v.reason) > 0);
	}
	struct verdict v = judge(SPAN("GET / HTTP/1.1\r\n\r\n"));
	assert_int_equal(v.status, 400);
	v = judge(SPAN("GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"));
	assert_int_equal(v.status, 400);
	buf_deinit(&b);
}

static void test_accepted_hosts(void **state)
{
	static const char *const hosts[] = { "a",     "A-b_c.example",          "127.0.0.1:8080",
					     "[::1]", "[::ffff:1.2.3.4]:65535", "h:" };
	struct mg_buf b = BUF_MAX(2000);
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		char line[100];
		snprintf(line, sizeof line, "hosT: %s\r\n", hosts[i]);
		struct verdict v = judge_fields(line, &b);
		assert_int_equal(v.result, HEAD_DONE);
		is(v.head.field[HEAD_FIELD_HOST], hosts[i]);
	}
	assert_int_equal(judge_fields("0:", &b).result, HEAD_DONE);
	buf_deinit(&b);
}

static void test_fields_are_found_and_trimmed(void **state)
{
	static const struct {
		const char *line;
		enum head_field field;
		const char *value;
	} cases[] = {
		{ "if-none-match:\"x\"\r\n", HEAD_FIELD_IF_NONE_MATCH, "\"x\"" },
		{ "IF-MODIFIED-SINCE:   a  b \t \r\n", HEAD_FIELD_IF_MODIFIED_SINCE, "a  b" },
		{ "Range:\tbytes=0-\r\n", HEAD_FIELD_RANGE, "bytes=0-" },
		{ "If-Range: W/\"x\"\r\n", HEAD_FIELD_IF_RANGE, "W/\"x\"" },
		{ "Authorization: Basic eDp5\r\n", HEAD_FIELD_AUTHORIZATION, "Basic eDp5" },
		{ "User-Agent: \xff tab\there \xc3\xbc and more bytes\r\n", HEAD_FIELD_USER_AGENT,
		  "\xff tab\there \xc3\xbc and more bytes" },
		{ "Via: 1.1 a\r\n", HEAD_FIELD_VIA, "1.1 a" },
		{ "Disable-Module-Fetch: true\r\n", HEAD_FIELD_DISABLE_MODULE_FETCH, "true" },
		{ "X-Forwarded-For: 1.2.3.4\r\n", HEAD_FIELD_X_FORWARDED_FOR, "1.2.3.4" },
		{ "X-Request-ID:\r\n", HEAD_FIELD_X_REQUEST_ID, "" },
		{ "X-Request-ID: \t \r\n", HEAD_FIELD_X_REQUEST_ID, "" },
		{ "User-Agent: a\r\nUser-Agent: b\r\n", HEAD_FIELD_USER_AGENT, "a" },
		{ "Via: a\r\nVia: b\r\n", HEAD_FIELD_VIA, "a" },
		{ "X-Request-Id: a\r\nX-Request-Id: b\r\n", HEAD_FIELD_X_REQUEST_ID, "a" },
		{ "X-Forwarded-For: a\r\nX-Forwarded-For: b\r\n", HEAD_FIELD_X_FORWARDED_FOR, "b" },
	};
	struct mg_buf b = BUF_MAX(2000);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict v = judge_fields(cases[i].line, &b);
		if (v.result != HEAD_DONE) fail_msg("%s: %s", cases[i].line, v.reason);
		is(v.head.field[cases[i].field], cases[i].value);
	}
	buf_deinit(&b);
}

/* Every byte at every place of a value: in the words that are looked at at once, and in the rest. */
static void test_every_byte_of_a_value(void **state)
{
	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < 20; at++) {
			char text[] =
				"GET / HTTP/1.1\r\nHost: h\r\nVia: 01234567890123456789\r\n\r\n";
			char *value = strstr(text, "0123");
			value[at] = (char)c;
			struct verdict v = judge(span_make(text, sizeof text - 1));
			bool ok = c == '\t' || (c >= ' ' && c != 0x7f);
			assert_int_equal(v.result, ok ? HEAD_DONE : HEAD_BAD);
			bool trimmed = (c == '\t' || c == ' ') && (at == 0 || at == 19);
			if (ok) assert_int_equal(v.head.field[HEAD_FIELD_VIA].n, trimmed ? 19 : 20);
		}
}

static void test_neighbours_of_known_names(void **state)
{
	static const char *const names[] = { "vib",
					     "hosu",
					     "rangf",
					     "expecu",
					     "if-rangf",
					     "user-agenu",
					     "connectioo",
					     "x-request-ie",
					     "if-none-matci",
					     "authorizatioo",
					     "content-lengti",
					     "x-forwarded-fos",
					     "if-modified-sincf",
					     "transfer-encodinh",
					     "disable-module-fetci" };
	struct mg_buf b = BUF_MAX(2000);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char line[100];
		snprintf(line, sizeof line, "%s: close\r\n", names[i]);
		struct verdict v = judge_fields(line, &b);
		assert_int_equal(v.result, HEAD_DONE);
		assert_true(v.head.keep_alive);
		for (int f = HEAD_FIELD_HOST + 1; f < HEAD_FIELD_COUNT; f++)
			assert_null(v.head.field[f].p);
	}
	buf_deinit(&b);
}

static void test_connection_and_body(void **state)
{
	static const struct {
		const char *lines;
		bool keep, expect, chunked;
		uint64_t length;
	} cases[] = {
		{ "", .keep = true },
		{ "Connection: close\r\n" },
		{ "Connection: Keep-Alive, CLOSE\r\n" },
		{ "Connection: x ,\t close\r\n" },
		{ "Connection: a\r\nConnection: close\r\n" },
		{ "Connection: closed\r\n", .keep = true },
		{ "Connection:\r\n", .keep = true },
		{ "Connection: ,,\r\n", .keep = true },
		{ "0:" },
		{ "0:Connection: Keep-alive\r\n", .keep = true },
		{ "0:Connection: keep-alive, close\r\n" },
		{ "Content-Length: 0\r\n", .keep = true },
		{ "content-length:\t 9223372036854775807 \r\n", .keep = true, .length = INT64_MAX },
		{ "Transfer-Encoding: Chunked\r\n", .keep = true, .chunked = true },
		{ "Expect: 100-Continue\r\n", .keep = true, .expect = true },
		{ "0:Expect: 100-continue\r\n" },
	};
	struct mg_buf b = BUF_MAX(2000);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict v = judge_fields(cases[i].lines, &b);
		if (v.result != HEAD_DONE) fail_msg("%s: %s", cases[i].lines, v.reason);
		if (v.head.keep_alive != cases[i].keep ||
		    v.head.expect_continue != cases[i].expect ||
		    v.head.chunked != cases[i].chunked || v.head.content_length != cases[i].length)
			fail_msg("case %zu: keep %d, expect %d, chunked %d, length %llu", i,
				 v.head.keep_alive, v.head.expect_continue, v.head.chunked,
				 (unsigned long long)v.head.content_length);
	}
	buf_deinit(&b);
}

static void test_what_follows_is_not_used(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	struct verdict v = judge(SPAN("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\n\n\n"));
	assert_int_equal(v.result, HEAD_DONE);
	assert_int_equal(v.used, sizeof head - 1);
	v = judge(SPAN("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\nbody"));
	assert_int_equal(v.result, HEAD_DONE);
	assert_int_equal(v.used, sizeof head + 1);
}

static void test_refused_before_the_end(void **state)
{
	static const struct {
		struct mg_span in;
		int status;
	} cases[] = {
		{ SPAN("\n"), 400 },
		{ SPAN("\r\n\r\n"), 400 },
		{ SPAN("\r\n\n"), 400 },
		{ SPAN("\rG"), 400 },
		{ SPAN("\x16\x03\x01"), 400 },
		{ SPAN("GET / HTTP/1.1\n"), 400 },
		{ SPAN("GET x"), 0 },
		{ SPAN("GET x "), 400 },
		{ SPAN("GET / HTTP/2.0"), 505 },
		{ SPAN("GET / HTTP/1.1\r\n\r"), 0 },
		{ SPAN("GET / HTTP/1.1\r\nA: b\r\n\rx"), 400 },
		{ SPAN("GET / HTTP/1.1\r\nA: b\r\n\n"), 400 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict v = judge(cases[i].in);
		assert_int_equal(v.result, cases[i].status ? HEAD_BAD : HEAD_MORE);
		assert_int_equal(v.status, cases[i].status);
	}
}

/* However the bytes arrive, the verdict is the same, and comes with the last byte it needs. */
static void test_byte_by_byte(void **state)
{
	static const struct mg_span heads[] = {
		SPAN("GET /a?b HTTP/1.1\r\nHost: h\r\nRange: bytes=0-\r\n\r\n"),
		SPAN("\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
		SPAN("GET / HTTP/1.0\r\n\r\n"),
	};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		size_t scanned = 0;
		struct verdict v = { .status = 0 };
		for (size_t n = 0; n < heads[i].n; n++) {
			v.result = head_parse(span_first(heads[i], n), &scanned, &v.head, &v.used,
					      &v.status, &v.reason);
			assert_int_equal(v.result, HEAD_MORE);
			assert_int_equal(scanned, n);
		}
		v.result = head_parse(heads[i], &scanned, &v.head, &v.used, &v.status, &v.reason);
		assert_int_equal(v.result, HEAD_DONE);
		assert_int_equal(v.used, heads[i].n);
		assert_int_equal(scanned, 0);
	}
	/* A bare LF is told at once, not at the end that may never come. */
	size_t scanned = 0;
	struct verdict v = { .status = 0 };
	v.result = head_parse(SPAN("GET /"), &scanned, &v.head, &v.used, &v.status, &v.reason);
	assert_int_equal(v.result, HEAD_MORE);
	v.result = head_parse(SPAN("GET / HTTP/1.1\n"), &scanned, &v.head, &v.used, &v.status,
			      &v.reason);
	assert_int_equal(v.result, HEAD_BAD);
}

static void fill(struct mg_buf *b, size_t n, char c)
{
	char *p = buf_reserve(b, n);
	assert_non_null(p);
	memset(p, c, n);
	b->n += n;
}

static void test_limits(void **state)
{
	struct mg_buf b = BUF_MAX(1 << 20);
	for (size_t over = 0; over < 2; over++) {
		buf_clear(&b);
		buf_append_str(&b, "GET /");
		fill(&b, HEAD_MAX_TARGET - 1 + over, 'x');
		struct verdict v = judge(buf_span(&b));
		assert_int_equal(v.result, over ? HEAD_BAD : HEAD_MORE);
		assert_int_equal(v.status, over ? 414 : 0);
		buf_append_str(&b, " HTTP/1.1\r\nHost: h\r\n\r\n");
		v = judge(buf_span(&b));
		assert_int_equal(v.result, over ? HEAD_BAD : HEAD_DONE);
		assert_int_equal(v.status, over ? 414 : 0);

		buf_clear(&b);
		buf_append_str(&b, "GET / HTTP/1.1\r\nHost: h\r\n");
		for (size_t i = 1; i < HEAD_MAX_FIELDS + over; i++)
			buf_append_str(&b, "A: b\r\n");
		buf_append_str(&b, "\r\n");
		v = judge(buf_span(&b));
		assert_int_equal(v.result, over ? HEAD_BAD : HEAD_DONE);
		assert_int_equal(v.status, over ? 431 : 0);

		buf_clear(&b);
		buf_append_str(&b, "GET / HTTP/1.1\r\nHost: h\r\nA: ");
		fill(&b, HEAD_MAX_BYTES - 4 - b.n + over, 'x');
		buf_append_str(&b, "\r\n\r\n");
		v = judge(buf_span(&b));
		assert_int_equal(v.result, over ? HEAD_BAD : HEAD_DONE);
		assert_int_equal(v.status, over ? 431 : 0);
		/* More behind a head that is small enough is no fault. */
		fill(&b, 100000, 'y');
		v = judge(buf_span(&b));
		assert_int_equal(v.result, over ? HEAD_BAD : HEAD_DONE);
	}
	buf_deinit(&b);
}

/* The limits hold for a sender of single bytes, and the long target is still told apart. */
static void test_limits_of_a_slow_sender(void **state)
{
	static const struct {
		const char *start;
		size_t ends_at;
		int status;
	} cases[] = { { "GET / HTTP/1.1\r\nA: ", HEAD_MAX_BYTES, 431 },
		      { "GET /", HEAD_MAX_BYTES, 414 } };
	for (size_t i = 0; i < 2; i++) {
		struct mg_buf b = BUF_MAX(1 << 20);
		struct verdict v = { .status = 0 };
		size_t scanned = 0;
		buf_append_str(&b, cases[i].start);
		do {
			fill(&b, 1, 'x');
			v.result = head_parse(buf_span(&b), &scanned, &v.head, &v.used, &v.status,
					      &v.reason);
		} while (v.result == HEAD_MORE);
		assert_int_equal(v.result, HEAD_BAD);
		assert_int_equal(v.status, cases[i].status);
		assert_int_equal(b.n, cases[i].ends_at);
		buf_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_of_the_go_command),
		cmocka_unit_test(test_request_lines),
		cmocka_unit_test(test_absolute_form_replaces_host),
		cmocka_unit_test(test_refused_fields),
		cmocka_unit_test(test_accepted_hosts),
		cmocka_unit_test(test_fields_are_found_and_trimmed),
		cmocka_unit_test(test_every_byte_of_a_value),
		cmocka_unit_test(test_neighbours_of_known_names),
		cmocka_unit_test(test_connection_and_body),
		cmocka_unit_test(test_what_follows_is_not_used),
		cmocka_unit_test(test_refused_before_the_end),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_of_a_slow_sender),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
