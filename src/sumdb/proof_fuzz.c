/* SPDX-License-Identifier: Apache-2.0 */
/* input = size, record or older size, length of the proof, then bytes to change it with: a proof holds
 * if and only if it has its length and is not changed. */
#include "base/check.h"
#include "sumdb/merkleproof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SIZE_MAX_HERE 200

static struct tlog_hash stored[2 * SIZE_MAX_HERE];

static enum mg_code read_stored(void *arg, const uint64_t *places, size_t n, struct tlog_hash *out,
				struct mg_err *err)
{
	for (size_t i = 0; i < n; i++)
		out[i] = stored[places[i]];
	return MG_OK;
}

static const struct tlog_reader reader = { read_stored, NULL };

static void fill(void)
{
	for (uint64_t i = 0;
	     i < SIZE_MAX_HERE && stored[tlog_index(0, SIZE_MAX_HERE - 1)].b[0] == 0; i++) {
		struct tlog_hash own = tlog_record_hash(span_make(&i, sizeof i));
		size_t count;
		MG_ASSERT(tlog_append(&reader, i, &own, &stored[tlog_index(0, i)], &count, NULL) ==
			  MG_OK);
	}
}

/* Is the proof still what it was? */
static bool change(struct merkleproof *p, size_t length, struct mg_span with)
{
	bool same = length == p->n;
	for (size_t i = 0; i < with.n && i < length * sizeof p->hash[0]; i++) {
		p->hash[i / 32].b[i % 32] ^= (uint8_t)with.p[i];
		same = same && with.p[i] == 0;
	}
	return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct merkleproof p = { 0 };
	struct tlog_hash root, old;
	if (n < 3) return 0;
	uint64_t size = 1 + data[0] % SIZE_MAX_HERE, at = data[1] % size;
	struct mg_span with = span_make(data + 3, n - 3);
	fill();
	MG_ASSERT(tlog_root(&reader, size, &root, NULL) == MG_OK);
	MG_ASSERT(merkleproof_of_record(&reader, size, at, &p, NULL) == MG_OK);
	size_t length = data[2] < 128 ? p.n : data[2] % MERKLEPROOF_MAX;
	bool same = change(&p, length, with);
	MG_ASSERT(merkleproof_record_holds(p.hash, length, size, &root, at,
					   &stored[tlog_index(0, at)]) == same);
	p = (struct merkleproof){ 0 };
	MG_ASSERT(tlog_root(&reader, at + 1, &old, NULL) == MG_OK);
	MG_ASSERT(merkleproof_of_tree(&reader, size, at + 1, &p, NULL) == MG_OK);
	length = data[2] < 128 ? p.n : data[2] % MERKLEPROOF_MAX;
	same = change(&p, length, with);
	MG_ASSERT(merkleproof_tree_holds(p.hash, length, size, &root, at + 1, &old) == same);
	return 0;
}
