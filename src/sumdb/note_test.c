/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/note.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DASH    "\xe2\x80\x94 "
#define EXAMPLE "sum.example.org+59a925b1+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
#define GOLANG  "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

/* As that database answered it (protocol §6.3). */
#define REAL_TEXT "go.sum database tree\n69959272\nL6xGIG9BJ5WLe0paJgb2RVNCdNi6wVyMUVOfn9Oo/8s=\n"
#define REAL_SIGNATURE                                                                             \
	"Az3grvPr9qFNGfBH993UqYhBVEqwL36wMKDSKjE/3PtBZWUkfXu1W9Ou9SCCy+ElsdGVH6ak2rZo9lsDhZhlD8TK" \
	"6AE="
#define REAL_LINE DASH "sum.golang.org " REAL_SIGNATURE "\n"

/* Of the tree of protocol §6.5. */
#define FIVE_TEXT "go.sum database tree\n5\neraqIRzoG/X67Ccp5snpK78x5Affgc/XrNC6FPScJQc=\n"
#define FIVE_SIGNATURE                                                                             \
	"WaklsZB5UBqpr/pZOVivQ46t6D3fH0fjvDtVBLLtkNoWnoEBIqssCuyy24HCvKtOOqXxD9gitKo68wsAhJCwsRPS" \
	"jAM="
#define FIVE_LINE DASH "sum.example.org " FIVE_SIGNATURE "\n"

static void parse_keys(struct notekey keys[2])
{
	assert_int_equal(notekey_parse(SPAN(GOLANG), &keys[0], NULL), MG_OK);
	assert_int_equal(notekey_parse(SPAN(EXAMPLE), &keys[1], NULL), MG_OK);
}

static void t05_verdicts(void **state)
{
	static const struct {
		const char *message;
		enum note_verdict verdict;
		size_t signatures, verified;
	} rows[] = {
		{ REAL_TEXT "\n" REAL_LINE, NOTE_GOOD, 1, 1 },
		{ FIVE_TEXT "\n" FIVE_LINE, NOTE_GOOD, 1, 1 },
		{ FIVE_TEXT "\n" FIVE_LINE FIVE_LINE, NOTE_GOOD, 1, 1 },
		/* Of the repeated ones by a known key only the first is looked at, as in Go. */
		{ FIVE_TEXT "\n" FIVE_LINE DASH "sum.example.org WaklsZB5\n", NOTE_GOOD, 1, 1 },
		{ FIVE_TEXT "\n" DASH "sum.example.org WaklsZB5\n" FIVE_LINE, NOTE_BAD_SIGNATURE },
		{ FIVE_TEXT "\n" FIVE_LINE DASH "witness.example AAAAAQE=\n", NOTE_GOOD, 2, 1 },
		{ FIVE_TEXT "\n" DASH "w AAAAAQE=\n" DASH "w AAAAAQE=\n" DASH
			    "w AAAAAQI=\n" FIVE_LINE,
		  NOTE_GOOD, 3, 1 },
		/* Signatures of another text, by a known key. */
		{ FIVE_TEXT "\n" FIVE_LINE REAL_LINE, NOTE_BAD_SIGNATURE },
		{ FIVE_TEXT "\n" REAL_LINE, NOTE_BAD_SIGNATURE },
		{ FIVE_TEXT "x\n\n" FIVE_LINE, NOTE_BAD_SIGNATURE },
		{ FIVE_TEXT "\n\n" FIVE_LINE, NOTE_BAD_SIGNATURE },
		/* A name with another key's hash, a key with another name. */
		{ FIVE_TEXT "\n" DASH "sum.golang.org " FIVE_SIGNATURE "\n", NOTE_UNVERIFIED, 1,
		  0 },
		{ FIVE_TEXT "\n" DASH "sum.example.com " FIVE_SIGNATURE "\n", NOTE_UNVERIFIED, 1,
		  0 },
		{ FIVE_TEXT "\n" DASH "w AAAAAQE=\n", NOTE_UNVERIFIED, 1, 0 },
		{ "", NOTE_MALFORMED },
		{ FIVE_TEXT, NOTE_MALFORMED },
		{ FIVE_TEXT "\n", NOTE_MALFORMED },
		{ FIVE_TEXT FIVE_LINE, NOTE_MALFORMED },
		{ FIVE_TEXT "\n" DASH "sum.example.org " FIVE_SIGNATURE, NOTE_MALFORMED },
		{ FIVE_TEXT "\n- sum.example.org " FIVE_SIGNATURE "\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n\xe2\x80\x94sum.example.org " FIVE_SIGNATURE "\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" DASH "sum.example.org\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" DASH "sum.example.org \n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" DASH " " FIVE_SIGNATURE "\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" DASH "a+b " FIVE_SIGNATURE "\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" DASH "w AAAAAQ==\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" DASH "w AAAAAQE\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" FIVE_LINE DASH "w AAAAAQE\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\n" FIVE_LINE "w\n", NOTE_MALFORMED },
		{ FIVE_TEXT "\xff\n\n" FIVE_LINE, NOTE_MALFORMED },
		{ FIVE_TEXT "\t\n\n" FIVE_LINE, NOTE_MALFORMED },
		{ FIVE_TEXT "\r\n\n" FIVE_LINE, NOTE_MALFORMED },
		{ FIVE_TEXT "\xed\xa0\x80\n\n" FIVE_LINE, NOTE_MALFORMED },
	};
	struct notekey keys[2];
	parse_keys(keys);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct note n;
		struct mg_span message = span_of(rows[i].message);
		enum note_verdict verdict = note_open(message, keys, 2, &n);
		if (verdict != rows[i].verdict) fail_msg("row %zu: %d", i, (int)verdict);
		enum mg_code rc = note_check(message, keys, 2, &n, NULL);
		assert_int_equal(rc, verdict == NOTE_GOOD ? MG_OK : MG_CORRUPT);
		if (verdict != NOTE_GOOD && verdict != NOTE_UNVERIFIED) continue;
		assert_int_equal(n.signatures, rows[i].signatures);
		assert_int_equal(n.verified, rows[i].verified);
		assert_true(span_has_suffix(n.text, SPAN("\n")));
	}
}

static void nul_is_malformed(void **state)
{
	struct notekey keys[2];
	struct note n;
	parse_keys(keys);
	assert_int_equal(note_open(SPAN("a\0b\n\n" DASH "w AAAAAQE=\n"), keys, 2, &n),
			 NOTE_MALFORMED);
}

static void many_signatures(void **state)
{
	for (int lines = 100; lines <= 101; lines++) {
		struct mg_buf message = BUF_MAX(100000);
		struct note n;
		struct notekey keys[2];
		parse_keys(keys);
		buf_append_str(&message, FIVE_TEXT "\n");
		for (int i = 1; i < lines; i++)
			buf_printf(&message, DASH "w%d AAAAAQE=\n", i);
		buf_append_str(&message, FIVE_LINE);
		assert_int_equal(note_open(buf_span(&message), keys, 2, &n),
				 lines == 100 ? NOTE_GOOD : NOTE_MALFORMED);
		buf_deinit(&message);
	}
}

static void too_long(void **state)
{
	struct mg_buf message = BUF_MAX(NOTE_SIZE_MAX + 1000);
	struct notekey keys[2];
	struct note n;
	parse_keys(keys);
	char *p = buf_reserve(&message, NOTE_SIZE_MAX);
	memset(p, 'a', NOTE_SIZE_MAX);
	message.n += NOTE_SIZE_MAX;
	buf_append_str(&message, "\n\n" FIVE_LINE);
	assert_int_equal(note_open(buf_span(&message), keys, 2, &n), NOTE_MALFORMED);
	buf_deinit(&message);
}

static void ambiguous(void **state)
{
	struct notekey keys[2];
	struct note n;
	parse_keys(keys);
	keys[0] = keys[1];
	keys[0].key[0] ^= 1;
	struct mg_span message = SPAN(FIVE_TEXT "\n" FIVE_LINE);
	assert_int_equal(note_open(message, keys, 2, &n), NOTE_AMBIGUOUS);
	assert_int_equal(note_open(message, keys, 1, &n), NOTE_BAD_SIGNATURE);
	assert_int_equal(note_open(message, NULL, 0, &n), NOTE_UNVERIFIED);
}

static void every_bit(void **state)
{
	struct notekey keys[2];
	parse_keys(keys);
	char message[] = FIVE_TEXT "\n" FIVE_LINE;
	for (size_t bit = 0; bit < 8 * (sizeof message - 1); bit++) {
		struct note n;
		message[bit / 8] ^= (char)(1 << bit % 8);
		enum note_verdict v =
			note_open(span_make(message, sizeof message - 1), keys, 2, &n);
		/* The last digit before "=" has two bits that mean nothing. */
		if (v == NOTE_GOOD) assert_true(bit / 8 == sizeof message - 4);
		message[bit / 8] ^= (char)(1 << bit % 8);
	}
}

static void signing(void **state)
{
	uint8_t seed[ED25519_SEED_SIZE];
	struct notekey_secret five, other;
	struct notekey keys[2];
	struct mg_buf one = BUF_MAX(10000), two = BUF_MAX(10000), three = BUF_MAX(10000);
	struct note n = { .text = SPAN(FIVE_TEXT) };
	memset(seed, 7, sizeof seed);
	assert_true(notekey_make(SPAN("sum.example.org"), seed, &five));
	assert_true(notekey_make(SPAN("other.example"), seed, &other));
	assert_true(note_sign(&n, &five, 1, &one));
	assert_true(span_eq(buf_span(&one), SPAN(FIVE_TEXT "\n" FIVE_LINE)));

	/* A second signature comes behind; a third by the first key takes its place. */
	keys[0] = five.public;
	keys[1] = other.public;
	assert_int_equal(note_open(buf_span(&one), keys, 1, &n), NOTE_GOOD);
	assert_true(note_sign(&n, &other, 1, &two));
	assert_true(span_has_prefix(buf_span(&two), buf_span(&one)));
	assert_int_equal(note_open(buf_span(&two), keys, 2, &n), NOTE_GOOD);
	assert_int_equal(n.verified, 2);
	assert_true(note_sign(&n, &five, 1, &three));
	assert_true(span_has_suffix(buf_span(&three), SPAN(FIVE_LINE)));
	assert_int_equal(three.n, two.n);

	struct note bad = n;
	bad.signature[1].hash ^= 1;
	assert_false(note_sign(&bad, &five, 1, &three));
	bad = (struct note){ .text = SPAN("no line feed") };
	assert_false(note_sign(&bad, &five, 1, &three));
	buf_deinit(&one);
	buf_deinit(&two);
	buf_deinit(&three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t05_verdicts),    cmocka_unit_test(nul_is_malformed),
		cmocka_unit_test(many_signatures), cmocka_unit_test(too_long),
		cmocka_unit_test(ambiguous),       cmocka_unit_test(every_bit),
		cmocka_unit_test(signing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
