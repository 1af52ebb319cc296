/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a tar: whole or in pieces they mean the same, and no file gets more or less than its size. */
#include "base/check.h"
#include "crypto/sha256.h"
#include "gomod/tarreader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
	struct sha256 all;
	uint64_t left;
};

static enum mg_code begin(void *arg, const struct tarreader_entry *e, struct mg_err *err)
{
	struct seen *s = arg;

	MG_ASSERT(s->left == 0 && e->path.n > 0);
	s->left = e->size;
	sha256_update(&s->all, e->path);
	sha256_update(&s->all, span_make(&e->size, sizeof e->size));
	return MG_OK;
}

static enum mg_code content(void *arg, struct mg_span piece, struct mg_err *err)
{
	struct seen *s = arg;

	MG_ASSERT(piece.n > 0 && piece.n <= s->left);
	s->left -= piece.n;
	sha256_update(&s->all, piece);
	return MG_OK;
}

static enum mg_code read_all(struct mg_span bytes, size_t step, uint8_t sum[32])
{
	struct seen s = { .left = 0 };
	struct tarreader_sink sink = { .begin = begin, .data = content, .arg = &s };
	struct tarreader t;
	enum mg_code code = MG_OK;

	sha256_init(&s.all);
	tarreader_init(&t, &sink);
	for (; code == MG_OK && bytes.n > 0; bytes = span_from(bytes, step))
		code = tarreader_feed(&t, span_first(bytes, step), NULL);
	if (code == MG_OK) code = tarreader_end(&t, NULL);
	MG_ASSERT(code != MG_OK || s.left == 0);
	tarreader_deinit(&t);
	sha256_final(&s.all, sum);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t whole[32], pieces[32];
	enum mg_code code = read_all(span_make(data, n), n + 1, whole);

	MG_ASSERT(read_all(span_make(data, n), 7, pieces) == code);
	MG_ASSERT(code != MG_OK || memcmp(whole, pieces, sizeof whole) == 0);
	return 0;
}
