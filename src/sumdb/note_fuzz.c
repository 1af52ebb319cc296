/* SPDX-License-Identifier: Apache-2.0 */
/* A note, its text read as the head of a tree. What is good stays good with one more signature. */
#include "base/check.h"
#include "sumdb/note.h"
#include "sumdb/treehead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void sign_again(const struct note *good, const struct notekey_secret *keys)
{
	struct note again;
	struct notekey known[2] = { keys[0].public, keys[1].public };
	struct mg_buf out = BUF_MAX(2 * NOTE_SIZE_MAX);
	MG_ASSERT(note_sign(good, &keys[1], 1, &out));
	if (note_open(buf_span(&out), known, 2, &again) == NOTE_GOOD) {
		MG_ASSERT(span_eq(again.text, good->text));
		MG_ASSERT(again.verified == good->verified + 1);
	} else {
		MG_ASSERT(good->signatures >= NOTE_SIGNATURES_MAX || out.n > NOTE_SIZE_MAX);
	}
	buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t seeds[2][ED25519_SEED_SIZE] = { { 0 }, { 1 } };
	struct notekey_secret keys[2];
	struct note note;
	struct treehead head;
	memset(seeds[0], 7, sizeof seeds[0]);
	MG_ASSERT(notekey_make(SPAN("sum.example.org"), seeds[0], &keys[0]));
	MG_ASSERT(notekey_make(SPAN("second.example"), seeds[1], &keys[1]));
	enum note_verdict v = note_open(span_make(data, n), &keys[0].public, 1, &note);
	if (v == NOTE_GOOD || v == NOTE_UNVERIFIED) {
		sign_again(&note, keys);
		if (treehead_parse(note.text, &head)) MG_ASSERT(head.size <= TLOG_SIZE_MAX);
	}
	(void)treehead_parse(span_make(data, n), &head);
	struct notekey key;
	if (notekey_parse(span_make(data, n), &key, NULL) == MG_OK)
		MG_ASSERT(notekey_name_is_valid(span_of(key.name)));
	return 0;
}
