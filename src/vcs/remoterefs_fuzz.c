/* SPDX-License-Identifier: Apache-2.0 */
/* What any server may make `git ls-remote` print: each ref that is kept is found again, and is well-formed. */
#include "base/check.h"
#include "vcs/remoterefs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_buf text = BUF_MAX(1 << 20);
	struct remoterefs *r = NULL;

	buf_append(&text, span_make(data, n));
	if (remoterefs_parse(&text, &r, NULL) == MG_OK) {
		MG_ASSERT(r->hash_n == 40 || r->hash_n == 64);
		for (size_t i = 0; i < r->n; i++) {
			MG_ASSERT(remoterefs_find(r, r->v[i].name) == &r->v[i]);
			MG_ASSERT(remoterefs_is_hash(r->v[i].hash, r->hash_n));
			MG_ASSERT(r->v[i].hash.n == r->hash_n);
		}
	}
	remoterefs_release(&r);
	buf_deinit(&text);
	return 0;
}
