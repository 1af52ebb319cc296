/* SPDX-License-Identifier: Apache-2.0 */
/* A path: what is found begins it, and is found again when asked for by itself. */
#include "base/check.h"
#include "gomod/repopath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span path = span_make(data, n < 4096 ? n : 4096);
	struct repopath r, again;
	struct mg_err err;
	if (repopath_find(path, &r, &err) != MG_OK || r.kind == REPOPATH_ASK) return 0;
	MG_ASSERT(repopath_has_prefix(path, r.root) && repopath_is_vcs(r.vcs));
	MG_ASSERT(repopath_find(r.root, &again, &err) == MG_OK && again.kind == r.kind);
	MG_ASSERT(span_eq(r.root, again.root) && span_eq(r.repo, again.repo));
	return 0;
}
