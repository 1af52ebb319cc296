/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/pktline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"

/* Writes each packet down as "d:payload|", or "f|", "l|", "e|". */
static enum mg_code note(void *arg, enum pktline_kind kind, struct mg_span payload,
			 struct mg_err *err)
{
	static const char *const names[] = { "d:", "f", "l", "e" };
	struct mg_buf *out = arg;
	buf_append_str(out, names[kind]);
	buf_append(out, payload);
	buf_append_char(out, '|');
	if (span_eq(payload, SPAN("stop")))
		return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "enough");
	return MG_OK;
}

/* In pieces of that many bytes. */
static enum mg_code read_in(struct mg_span bytes, size_t piece, struct mg_buf *out, bool *between)
{
	struct pktline p;
	struct mg_err err;
	enum mg_code rc = MG_OK;
	buf_clear(out);
	pktline_init(&p, note, out);
	for (size_t at = 0; at < bytes.n && rc == MG_OK; at += piece)
		rc = pktline_feed(&p, span_first(span_from(bytes, at), piece), &err);
	*between = pktline_is_between(&p);
	pktline_deinit(&p);
	return rc;
}

static void pieces_do_not_matter(void **state)
{
	const struct mg_span bytes = SPAN("0008abc\n0000000400010006hi0002000Astop..00050");
	struct mg_buf out = BUF_MAX(4096);
	bool between;
	for (size_t piece = 1; piece <= bytes.n; piece++) {
		assert_int_equal(read_in(bytes, piece, &out, &between), MG_OK);
		assert_string_equal(buf_cstr(&out), "d:abc\n|f|d:|l|d:hi|e|d:stop..|d:0|");
		assert_true(between);
		assert_int_equal(read_in(span_first(bytes, bytes.n - 1), piece, &out, &between),
				 MG_OK);
		assert_false(between);
	}
	buf_deinit(&out);
}

static void what_is_no_packet(void **state)
{
	static const char *const bad[] = { "0003", "x000",     "00 8abcd",  "fff1",
					   "-001", "HTTP/1.1", "0000<html>" };
	struct mg_buf out = BUF_MAX(4096);
	bool between;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		for (size_t piece = 1; piece < 9; piece++)
			assert_int_equal(read_in(span_of(bad[i]), piece, &out, &between),
					 MG_CORRUPT);
	buf_deinit(&out);
}

static void the_longest(void **state)
{
	struct mg_buf bytes = BUF_MAX(2 * PKTLINE_MAX), out = BUF_MAX(4 * PKTLINE_MAX);
	bool between;
	buf_append(&bytes, SPAN("fff0"));
	while (bytes.n < PKTLINE_MAX)
		buf_append_char(&bytes, 'x');
	buf_append(&bytes, SPAN("0000"));
	for (size_t piece = 1000; piece < bytes.n + 1000; piece += 1000) {
		assert_int_equal(read_in(buf_span(&bytes), piece, &out, &between), MG_OK);
		assert_int_equal(out.n, PKTLINE_MAX - 4 + 2 + 1 + 2);
		assert_true(between);
	}
	buf_deinit(&bytes);
	buf_deinit(&out);
}

static void the_taker_may_end_it(void **state)
{
	struct mg_buf out = BUF_MAX(4096);
	bool between;
	for (size_t piece = 1; piece < 30; piece++) {
		assert_int_equal(read_in(SPAN("0005a0008stop0005b"), piece, &out, &between),
				 MG_CANCELED);
		assert_string_equal(buf_cstr(&out), "d:a|d:stop|");
	}
	buf_deinit(&out);
}

static void what_is_put(void **state)
{
	struct mg_buf out = BUF_MAX(4096);
	pktline_put(&out, "command=%s", "fetch");
	pktline_put_delimiter(&out);
	pktline_put(&out, "%s", "");
	pktline_put_flush(&out);
	assert_string_equal(buf_cstr(&out), "0012command=fetch\n00010005\n0000");
	assert_true(span_eq(pktline_line(SPAN("a\n")), SPAN("a")));
	assert_true(span_eq(pktline_line(SPAN("\n\n")), SPAN("\n")));
	assert_true(span_eq(pktline_line(SPAN("")), SPAN("")));
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_matter), cmocka_unit_test(what_is_no_packet),
		cmocka_unit_test(the_longest),          cmocka_unit_test(the_taker_may_end_it),
		cmocka_unit_test(what_is_put),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
