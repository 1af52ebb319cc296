/* SPDX-License-Identifier: Apache-2.0 */
/* A value of GOVCS in the first line, a path in the second: refused, or it decides. */
#include "base/check.h"
#include "gomod/govcs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span path = span_make(data, n), value = span_cut(&path, '\n');
	struct arena a = ARENA_INIT;
	struct govcs g;
	struct mg_err err;
	enum mg_code rc = govcs_parse(value, &a, &g, &err);
	MG_ASSERT(rc == MG_OK || (rc == MG_INVALID && g.n == 0));
	if (g.n == 0) MG_ASSERT(govcs_allows(&g, path, false, SPAN("git")));
	for (size_t i = 0; i < g.n; i++)
		MG_ASSERT(g.rules[i].pattern.n > 0 && g.rules[i].systems.n > 0);
	govcs_allows(&g, path, n % 2 == 0, SPAN("hg"));
	arena_deinit(&a);
	return 0;
}
