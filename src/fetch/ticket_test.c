/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ticket.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MESSAGE_MAX (128u << 10)

static void assert_span(struct mg_span got, struct mg_span want)
{
	assert_true(span_eq(got, want));
}

static void order_survives_the_trip(void **state)
{
	const struct ticket in = {
		.type = TICKET_ORDER,
		.id = 0xfedcba98,
		.flags = TICKET_REFRESH | TICKET_DAMAGED,
		.kind = TARGET_QUERY,
		.path = SPAN("example.com/Azure/x"),
		.version = SPAN("master"),
		.request_id = SPAN("01J0"),
	};
	struct mg_buf b = BUF_MAX(MESSAGE_MAX);
	ticket_encode(&in, &b);
	struct ticket out;
	assert_true(ticket_decode(buf_span(&b), &out));
	assert_int_equal(out.type, TICKET_ORDER);
	assert_int_equal(out.id, in.id);
	assert_int_equal(out.flags, in.flags);
	assert_int_equal(out.kind, TARGET_QUERY);
	assert_span(out.path, in.path);
	assert_span(out.version, in.version);
	assert_span(out.request_id, in.request_id);
	buf_deinit(&b);
}

static void result_survives_the_trip(void **state)
{
	const struct ticket in = {
		.type = TICKET_RESULT,
		.id = 7,
		.code = MG_UNAVAILABLE,
		.cause = MG_CAUSE_TLS,
		.ttl_ms = 60000,
		.stale = true,
		.retry_after_s = 12,
		.text = SPAN("mirror.example: handshake failed"),
		.body = SPAN("<html>"),
	};
	struct mg_buf b = BUF_MAX(MESSAGE_MAX);
	ticket_encode(&in, &b);
	struct ticket out;
	assert_true(ticket_decode(buf_span(&b), &out));
	assert_int_equal(out.code, MG_UNAVAILABLE);
	assert_int_equal(out.cause, MG_CAUSE_TLS);
	assert_int_equal(out.ttl_ms, 60000);
	assert_true(out.stale);
	assert_int_equal(out.retry_after_s, 12);
	assert_span(out.text, in.text);
	assert_span(out.body, in.body);
	buf_deinit(&b);
}

static void stream_survives_the_trip(void **state)
{
	const struct ticket in = { .type = TICKET_STREAM, .id = 9, .size = 0x123456789abcdef };
	struct mg_buf b = BUF_MAX(MESSAGE_MAX);
	ticket_encode(&in, &b);
	struct ticket out;
	assert_true(ticket_decode(buf_span(&b), &out));
	assert_int_equal(out.type, TICKET_STREAM);
	assert_int_equal(out.id, 9);
	assert_true(out.size == in.size);
	buf_deinit(&b);
}

static void every_cut_and_extension_is_malformed(void **state)
{
	const struct ticket samples[] = {
		{ .type = TICKET_ORDER,
		  .kind = TARGET_INFO,
		  .path = SPAN("a.b/c"),
		  .version = SPAN("v1.0.0") },
		{ .type = TICKET_RESULT, .code = MG_NOT_FOUND, .text = SPAN("gone") },
		{ .type = TICKET_CANCEL, .id = 3 },
		{ .type = TICKET_FORGET },
		{ .type = TICKET_STREAM, .id = 4, .size = 1 },
		{ .type = TICKET_PROGRESS, .id = 4 },
		{ .type = TICKET_BACK, .id = 7 },
		{ .type = TICKET_SEEN,
		  .kind = TARGET_MOD,
		  .path = SPAN("example.com/m"),
		  .version = SPAN("v1.0.0") },
	};
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		struct mg_buf b = BUF_MAX(MESSAGE_MAX);
		ticket_encode(&samples[i], &b);
		struct ticket out;
		assert_true(ticket_decode(buf_span(&b), &out));
		for (size_t n = 0; n < b.n; n++)
			assert_false(ticket_decode(span_first(buf_span(&b), n), &out));
		buf_append_char(&b, 0);
		assert_false(ticket_decode(buf_span(&b), &out));
		buf_deinit(&b);
	}
}

static void values_out_of_range_are_malformed(void **state)
{
	const struct ticket samples[] = {
		{ .type = TICKET_ORDER, .flags = 1u << 20 },
		{ .type = TICKET_ORDER, .kind = TARGET_KIND_COUNT },
		{ .type = TICKET_ORDER, .kind = TARGET_LIST, .version = SPAN("v1.0.0") },
		{ .type = TICKET_ORDER, .kind = TARGET_LATEST, .version = SPAN("v1.0.0") },
		{ .type = TICKET_RESULT, .code = MG_CODE_COUNT },
		{ .type = TICKET_RESULT, .cause = MG_CAUSE_COUNT },
		{ .type = TICKET_FORGET, .id = 1 },
		{ .type = TICKET_STREAM, .size = 0 },
		{ .type = TICKET_STREAM, .size = 1ull << 63 },
		{ .type = TICKET_BACK + 1 },
		{ .type = 0 },
	};
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		struct mg_buf b = BUF_MAX(MESSAGE_MAX);
		ticket_encode(&samples[i], &b);
		struct ticket out;
		assert_false(ticket_decode(buf_span(&b), &out));
		buf_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_survives_the_trip),
		cmocka_unit_test(result_survives_the_trip),
		cmocka_unit_test(stream_survives_the_trip),
		cmocka_unit_test(every_cut_and_extension_is_malformed),
		cmocka_unit_test(values_out_of_range_are_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
