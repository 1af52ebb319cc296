/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/answerhead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

static enum mg_code feed(struct answerhead *h, const char *text)
{
	*h = (struct answerhead){ 0 };
	for (struct mg_span rest = span_of(text); rest.n > 0;) {
		const ptrdiff_t end = span_index(rest, '\n');
		const size_t n = end < 0 ? rest.n : (size_t)end + 1;
		struct mg_err err;
		const enum mg_code rc = answerhead_line(h, span_first(rest, n), NOW, &err);
		if (rc != MG_OK) {
			assert_int_equal(rc, MG_CORRUPT);
			assert_int_equal(err.cause, MG_CAUSE_HTTP);
			return rc;
		}
		rest = span_from(rest, n);
	}
	return MG_OK;
}

static void plain_answer(void **state)
{
	struct answerhead h;
	assert_int_equal(feed(&h, "HTTP/1.1 200 OK\r\nContent-Length: 0012\r\nETag: \"a\"\r\n"
				  "Content-Type:  text/plain \r\ncontent-encoding: gzip\r\n\r\n"),
			 MG_OK);
	assert_true(h.complete);
	assert_int_equal(h.status, 200);
	assert_true(h.has_length);
	assert_int_equal(h.length, 12);
	assert_string_equal(h.etag, "\"a\"");
	assert_string_equal(h.content_type, "text/plain");
	assert_string_equal(h.content_encoding, "gzip");
	assert_true(answerhead_strong_etag(&h));
}

static void interim_answers_leave_nothing(void **state)
{
	struct answerhead h;
	assert_int_equal(feed(&h, "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nETag: \"x\"\r\n"
				  "\r\nHTTP/1.1 204 No Content\r\n\r\n"),
			 MG_OK);
	assert_int_equal(h.status, 204);
	assert_false(h.has_length);
	assert_string_equal(h.etag, "");
}

static void trailers_are_not_fields(void **state)
{
	struct answerhead h;
	assert_int_equal(feed(&h, "HTTP/1.1 200 OK\r\n\r\nContent-Length: 7\r\nLocation: /x\r\n"),
			 MG_OK);
	assert_false(h.has_length);
	assert_string_equal(h.location, "");
}

static void heads_not_to_be_trusted(void **state)
{
	static const char *const heads[] = {
		"HTTP/1.1\r\n",
		"HTTP/1.1 \r\n",
		"HTTP/1.1 20x OK\r\n",
		"HTTP/1.1 099 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0x10\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct answerhead h;
		if (feed(&h, heads[i]) != MG_CORRUPT) fail_msg("accepted: %s", heads[i]);
	}
	struct answerhead h;
	assert_int_equal(
		feed(&h, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5, 5\r\n"),
		MG_OK);
}

static void a_head_has_a_bound(void **state)
{
	struct answerhead h = { 0 };
	struct mg_err err;
	static const char line[] = "X-Padding: 0123456789012345678901234567890123456789\r\n";
	enum mg_code rc = answerhead_line(&h, SPAN("HTTP/1.1 200 OK\r\n"), NOW, &err);
	size_t lines = 0;
	for (; rc == MG_OK && lines < 10000; lines++)
		rc = answerhead_line(&h, SPAN(line), NOW, &err);
	assert_int_equal(rc, MG_CORRUPT);
	assert_in_range(lines, 1000, 2000);
}

static void content_range(void **state)
{
	static const struct {
		const char *value;
		bool good;
		uint64_t from, to, size;
	} cases[] = {
		{ "bytes 5-9/10", true, 5, 9, 10 },
		{ "Bytes 0-0/1", true, 0, 0, 1 },
		{ "bytes 5-9/*", true, 5, 9, UINT64_MAX },
		{ "bytes 9-5/10", false },
		{ "bytes 5-10/10", false },
		{ "bytes */10", false },
		{ "bytes 5-9", false },
		{ "bytes 5-9/10\r\nContent-Range: bytes 7-", false },
		{ "bytes=5-9/10", false },
		{ "lines 5-9/10", false },
		{ "bytes 5/10", false },
		{ "bytes -9/10", false },
		{ "bytes 5-9/x", false },
		{ "", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answerhead h;
		char text[128];
		snprintf(text, sizeof text, "HTTP/1.1 206 x\r\nContent-Range: %s\r\n\r\n",
			 cases[i].value);
		assert_int_equal(feed(&h, text), MG_OK);
		if (h.has_range != cases[i].good) fail_msg("%s", cases[i].value);
		if (!h.has_range) continue;
		assert_int_equal(h.range_from, cases[i].from);
		assert_int_equal(h.range_to, cases[i].to);
		assert_int_equal(h.range_size, cases[i].size);
	}
}

static void retry_after(void **state)
{
	static const struct {
		const char *value;
		uint32_t seconds;
	} cases[] = {
		{ "0", 0 },
		{ "7", 7 },
		{ "4000000000", 24 * 3600 },
		{ "Tue, 14 Nov 2023 22:14:20 GMT", 60 },
		{ "Tue, 14 Nov 2023 22:12:20 GMT", 0 },
		{ "Tue, 14 Nov 2090 22:12:20 GMT", 24 * 3600 },
		{ "soon", 0 },
		{ "-3", 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answerhead h;
		char text[128];
		snprintf(text, sizeof text, "HTTP/1.1 503 x\r\nRetry-After: %s\r\n\r\n",
			 cases[i].value);
		assert_int_equal(feed(&h, text), MG_OK);
		assert_int_equal(h.retry_after_s, cases[i].seconds);
	}
}

static void only_strong_validators_resume(void **state)
{
	static const struct {
		const char *etag;
		bool strong;
	} cases[] = { { "\"a\"", true }, { "W/\"a\"", false }, { "a", false }, { "", false } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answerhead h;
		char text[128];
		snprintf(text, sizeof text, "HTTP/1.1 200 x\r\nETag: %s\r\n\r\n", cases[i].etag);
		assert_int_equal(feed(&h, text), MG_OK);
		assert_int_equal(answerhead_strong_etag(&h), cases[i].strong);
	}
}

static void what_does_not_fit_is_not_kept_in_part(void **state)
{
	struct answerhead h;
	char text[400] = "HTTP/1.1 200 x\r\nETag: \"";
	memset(text + strlen(text), 'e', 200);
	strncat(text, "\"\r\n\r\n", 6);
	assert_int_equal(feed(&h, text), MG_OK);
	assert_string_equal(h.etag, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_answer),
		cmocka_unit_test(interim_answers_leave_nothing),
		cmocka_unit_test(trailers_are_not_fields),
		cmocka_unit_test(heads_not_to_be_trusted),
		cmocka_unit_test(a_head_has_a_bound),
		cmocka_unit_test(content_range),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(only_strong_validators_resume),
		cmocka_unit_test(what_does_not_fit_is_not_kept_in_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
