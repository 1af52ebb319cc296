/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "http/h2guard.h"

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PING = 6,
	WINDOW_UPDATE = 8,
	CONTINUATION
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void put(struct mg_buf *b, unsigned type, unsigned flags, uint32_t stream, size_t length)
{
	const uint8_t head[9] = { (uint8_t)(length >> 16), (uint8_t)(length >> 8),
				  (uint8_t)length,         (uint8_t)type,
				  (uint8_t)flags,          (uint8_t)(stream >> 24),
				  (uint8_t)(stream >> 16), (uint8_t)(stream >> 8),
				  (uint8_t)stream };

	buf_append(b, span_make(head, sizeof head));
	for (size_t i = 0; i < length; i++)
		buf_append_char(b, (char)i);
}

static struct h2guard *begun(struct h2guard *g)
{
	size_t at = 0, frame;

	h2guard_init(g, 1000);
	assert_int_equal(h2guard_read(g, span_of(preface), 1000, &at, &frame), H2GUARD_FINE);
	assert_int_equal(at, 24);
	return g;
}

/* In pieces of step bytes; how often it asked, or -1 with *end when it ended. */
static int read_in_pieces(struct h2guard *g, struct mg_span bytes, size_t step,
			  enum h2guard_verdict *end)
{
	int asked = 0;

	*end = H2GUARD_FINE;
	for (size_t from = 0; from < bytes.n; from += step) {
		struct mg_span piece = span_first(span_from(bytes, from), step);
		size_t at = 0, frame = 0;
		while ((*end = h2guard_read(g, piece, 1000, &at, &frame)) == H2GUARD_ASK) {
			assert_true(frame < at && at <= piece.n);
			asked++;
		}
		if (*end != H2GUARD_FINE) return -1;
		assert_int_equal(at, piece.n);
	}
	return asked;
}

static void frames_are_found_however_they_come(void **state)
{
	struct mg_buf b = BUF_MAX(1u << 20);

	put(&b, SETTINGS, 0, 0, 6);
	put(&b, HEADERS, 0x5, 1, 300);
	put(&b, DATA, 0, 1, 70000);
	put(&b, HEADERS, 0x1, 3, 10);
	put(&b, CONTINUATION, 0x4, 3, 10);
	put(&b, PRIORITY, 0, 9, 5);
	put(&b, 0xee, 0xff, 7, 100);
	put(&b, HEADERS, 0x5, 1, 0);          /* not new */
	put(&b, HEADERS, 0x5, 0x80000005, 1); /* the reserved bit is none of the stream's */
	for (size_t step = 1; step < 40; step++) {
		struct h2guard g;
		enum h2guard_verdict end;
		assert_int_equal(read_in_pieces(begun(&g), buf_span(&b), step, &end), 2);
		assert_int_equal(g.newest, 5);
		assert_false(h2guard_in_head(&g));
	}
	buf_deinit(&b);
}

static void asked_before_the_frame_is_used(void **state)
{
	struct mg_buf b = BUF_MAX(1000);
	struct h2guard g;
	size_t at = 0, frame = 0;

	put(&b, HEADERS, 0x4, 1, 5);
	put(&b, DATA, 0x1, 1, 0);
	put(&b, PING, 0, 0, 8);
	begun(&g);
	assert_int_equal(h2guard_read(&g, buf_span(&b), 1000, &at, &frame), H2GUARD_ASK);
	assert_int_equal(frame, 14);
	assert_int_equal(at, 23);
	assert_int_equal(g.asked, 1);
	assert_int_equal(h2guard_read(&g, buf_span(&b), 1000, &at, &frame), H2GUARD_FINE);
	assert_int_equal(at, b.n);
	buf_deinit(&b);
}

static void a_head_under_way_is_known(void **state)
{
	struct mg_buf b = BUF_MAX(1000);
	struct h2guard g;
	enum h2guard_verdict end;

	put(&b, HEADERS, 0x4, 1, 20);
	begun(&g);
	read_in_pieces(&g, span_first(buf_span(&b), 12), 100, &end);
	assert_true(h2guard_in_head(&g));
	read_in_pieces(&g, span_from(buf_span(&b), 12), 100, &end);
	assert_false(h2guard_in_head(&g));
	buf_clear(&b);
	put(&b, HEADERS, 0, 3, 20);
	read_in_pieces(&g, buf_span(&b), 100, &end);
	assert_true(h2guard_in_head(&g));
	buf_clear(&b);
	put(&b, CONTINUATION, 0x4, 3, 20);
	put(&b, PING, 0, 0, 8);
	read_in_pieces(&g, span_first(buf_span(&b), b.n - 3), 100, &end);
	assert_false(h2guard_in_head(&g));
	buf_deinit(&b);
}

static void priorities_are_judged(void **state)
{
	static const struct {
		uint32_t stream, depends_on;
		bool good;
	} cases[] = { { 1, 3, true },
		      { 1, 0, true },
		      { 1, 1, false },
		      { 0, 1, false },
		      { 1, 0x80000001, false } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t step = 1; step < 15; step++) {
			struct mg_buf b = BUF_MAX(1000);
			struct h2guard g;
			enum h2guard_verdict end;
			put(&b, PRIORITY, 0, cases[i].stream, 5);
			for (int at = 0; at < 4; at++)
				b.p[9 + at] = (char)(cases[i].depends_on >> (24 - 8 * at));
			read_in_pieces(begun(&g), buf_span(&b), step, &end);
			assert_int_equal(end, cases[i].good ? H2GUARD_FINE : H2GUARD_BROKEN);
			buf_deinit(&b);
		}
}

/* How many of a frame are taken at once, up to 100,000. */
static int taken(unsigned type, unsigned flags, uint32_t stream, size_t length,
		 enum h2guard_kind *spent)
{
	struct mg_buf b = BUF_MAX(1u << 20);
	struct h2guard g;
	enum h2guard_verdict end = H2GUARD_FINE;
	int n = 0;

	begun(&g);
	put(&b, type, flags, stream, length);
	while (n < 100000 && end == H2GUARD_FINE) {
		read_in_pieces(&g, buf_span(&b), b.n, &end);
		n += end == H2GUARD_FINE;
	}
	*spent = g.spent;
	buf_deinit(&b);
	return n;
}

static void what_brings_nothing_is_counted(void **state)
{
	static const struct {
		unsigned type, flags;
		uint32_t stream;
		size_t length;
		int most;
		enum h2guard_kind kind;
	} cases[] = {
		{ PING, 0, 0, 8, 2000, H2GUARD_CHATTER },
		{ SETTINGS, 0, 0, 0, 200, H2GUARD_CHATTER },
		{ PRIORITY, 0, 1, 5, 2000, H2GUARD_CHATTER },
		{ WINDOW_UPDATE, 0, 1, 4, 2000, H2GUARD_CHATTER },
		{ 0x77, 0, 1, 3, 2000, H2GUARD_CHATTER },
		{ DATA, 0, 1, 0, 2000, H2GUARD_CHATTER },
		{ DATA, 0, 1, 1000, 2000, H2GUARD_CHATTER },
		{ DATA, 0, 1, 16000, 100000, H2GUARD_CHATTER },
		{ RST_STREAM, 0, 1, 4, 100, H2GUARD_RESETS },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum h2guard_kind spent;
		int n = taken(cases[i].type, cases[i].flags, cases[i].stream, cases[i].length,
			      &spent);
		if (n != cases[i].most) fail_msg("case %zu: %d", i, n);
		if (n < 100000) assert_int_equal(spent, cases[i].kind);
	}
}

static void a_head_comes_in_few_frames(void **state)
{
	struct mg_buf b = BUF_MAX(SIZE_MAX / 2);
	enum h2guard_verdict end;
	struct h2guard g;

	for (int heads = 0; heads < 2; heads++) {
		put(&b, HEADERS, 0, 1, 10);
		for (int i = 0; i < H2GUARD_CONTINUATIONS; i++)
			put(&b, CONTINUATION, i + 1 == H2GUARD_CONTINUATIONS ? 0x4 : 0, 1, 10);
	}
	for (size_t step = 1; step < 40; step++) {
		read_in_pieces(begun(&g), buf_span(&b), step, &end);
		assert_int_equal(end, H2GUARD_FINE);
	}
	put(&b, CONTINUATION, 0x4, 1, 10);
	read_in_pieces(begun(&g), buf_span(&b), 7, &end);
	assert_int_equal(end, H2GUARD_ENOUGH);
	buf_deinit(&b);
}

static void allowances_fill_up(void **state)
{
	struct h2guard g;
	size_t at = 0, frame = 0;

	begun(&g);
	while (h2guard_spend(&g, H2GUARD_RESETS, 2))
		;
	assert_false(h2guard_spend(&g, H2GUARD_RESETS, 2));
	h2guard_read(&g, SPAN(""), 2000, &at, &frame);
	for (int i = 0; i < 10; i++)
		assert_true(h2guard_spend(&g, H2GUARD_RESETS, 2));
	assert_false(h2guard_spend(&g, H2GUARD_RESETS, 2));
	h2guard_answered(&g);
	h2guard_answered(&g);
	assert_true(h2guard_spend(&g, H2GUARD_RESETS, 2));
	/* Never beyond the most there may be, however long it was quiet or busy. */
	h2guard_read(&g, SPAN(""), 1000000000, &at, &frame);
	for (int i = 0; i < 100000; i++) {
		h2guard_answered(&g);
		h2guard_sent(&g, 1u << 20);
	}
	assert_int_equal(g.left[H2GUARD_RESETS], 200);
	assert_int_equal(g.left[H2GUARD_CHATTER], 10000);
	assert_int_equal(g.left[H2GUARD_FAULTS], 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_found_however_they_come),
		cmocka_unit_test(asked_before_the_frame_is_used),
		cmocka_unit_test(a_head_under_way_is_known),
		cmocka_unit_test(priorities_are_judged),
		cmocka_unit_test(what_brings_nothing_is_counted),
		cmocka_unit_test(a_head_comes_in_few_frames),
		cmocka_unit_test(allowances_fill_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
