/* SPDX-License-Identifier: Apache-2.0 */
/* A go.mod file in both modes: what is good as a main module is good as a dependency, and says the same. */
#include "base/check.h"
#include "gomod/modfile.h"
#include "gomod/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span file = span_make(data, n);
	struct arena a = ARENA_INIT;
	struct modfile lax, strict;
	struct mg_err err;
	struct mg_buf path = BUF_MAX(3 * n + 1);
	enum mg_code rc = modfile_parse(file, MODFILE_LAX, &a, &lax, &err);
	if (modfile_parse(file, MODFILE_STRICT, &a, &strict, &err) == MG_OK) {
		MG_ASSERT(rc == MG_OK);
		MG_ASSERT(span_eq(lax.path, strict.path) && span_eq(lax.go, strict.go));
		MG_ASSERT(lax.requires == strict.requires && lax.retracts == strict.retracts);
	}
	if (rc == MG_OK)
		for (size_t i = 0; i < lax.requires; i++)
			MG_ASSERT(version_is_canonical(lax.require[i].module.version));
	modfile_scan_path(file, &path);
	MG_ASSERT(!buf_failed(&path));
	buf_deinit(&path);
	arena_deinit(&a);
	return 0;
}
