/* SPDX-License-Identifier: Apache-2.0 */
/* What any server may answer in version 2 of git's protocol. The first byte says to which question ('g', 'r', else
 * the pack), the second in which pieces it comes: they make no difference. Refs are lines that remoterefs understands. */
#include <stdlib.h>

#include "base/check.h"
#include "vcs/protocol2.h"
#include "vcs/remoterefs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct result {
	enum mg_code code;
	bool ended;
	struct mg_buf out;
};

static enum mg_code keep(void *arg, struct mg_span bytes, struct mg_err *err)
{
	MG_ASSERT(bytes.n > 0);
	buf_append(arg, bytes);
	return MG_OK;
}

static void read_in(struct mg_span bytes, bool is_refs, size_t piece, struct result *r)
{
	struct protocol2_refs refs = { .out = &r->out };
	struct protocol2_pack pack = { .commit = SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
				       .write = keep,
				       .arg = &r->out };
	struct pktline p;
	struct mg_err err;
	r->out = BUF_MAX(1 << 20);
	r->code = MG_OK;
	if (is_refs)
		pktline_init(&p, protocol2_take_refs, &refs);
	else
		pktline_init(&p, protocol2_take_pack, &pack);
	for (size_t at = 0; at < bytes.n && r->code == MG_OK; at += piece)
		r->code = pktline_feed(&p, span_first(span_from(bytes, at), piece), &err);
	r->ended = is_refs ? refs.ended : pack.ended;
	pktline_deinit(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2) return 0;
	const struct mg_span bytes = span_make(data + 2, n - 2);
	const size_t hash_n = data[0] == 'g' ? protocol2_greeting(bytes) : 0;
	MG_ASSERT(hash_n == 0 || hash_n == 40 || hash_n == PROTOCOL2_HASH_MAX);
	if (data[0] == 'g') return 0;
	const bool is_refs = data[0] == 'r';
	struct result whole, parts;
	read_in(bytes, is_refs, bytes.n + 1, &whole);
	read_in(bytes, is_refs, data[1] + 1u, &parts);
	MG_ASSERT(whole.code == parts.code && whole.ended == parts.ended);
	MG_ASSERT(span_eq(buf_span(&whole.out), buf_span(&parts.out)));
	if (is_refs && whole.code == MG_OK && whole.ended) {
		struct remoterefs *refs = NULL;
		struct mg_span text = buf_span(&whole.out);
		size_t lines = 0;
		while (text.n > 0) {
			const struct mg_span line = span_cut(&text, '\n');
			MG_ASSERT(span_index(line, '\t') == 40 || span_index(line, '\t') == 64);
			lines++;
		}
		/* What it refuses is doubled, or of two kinds of hashes. */
		if (remoterefs_parse(&whole.out, &refs, NULL) == MG_OK) MG_ASSERT(refs->n <= lines);
		remoterefs_release(&refs);
	}
	buf_deinit(&whole.out);
	buf_deinit(&parts.out);
	return 0;
}
