/* SPDX-License-Identifier: Apache-2.0 */
/* Two strings, a line feed between them: versions have one order, one canonical form, and what a
 * pseudo-version is built from can be read back from it. */
#include "base/check.h"
#include "gomod/pseudo.h"
#include "gomod/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_one(struct mg_span v)
{
	struct mg_buf canonical = BUF_MAX(v.n + 8), base = BUF_MAX(v.n),
		      built = BUF_MAX(2 * v.n + 99);
	int64_t at;
	if (version_canonical(v, &canonical)) {
		struct mg_span c = buf_span(&canonical);
		MG_ASSERT(version_is_valid(v) && version_is_canonical(c));
		MG_ASSERT(version_compare(v, c) == 0 && version_major(v).n > 1);
		MG_ASSERT(version_is_canonical(v) == span_eq(v, c));
		MG_ASSERT(version_is_incompatible(v) == span_has_suffix(c, SPAN("+incompatible")));
	}
	struct pseudo p;
	if (pseudo_base(v, &base, NULL) == MG_OK && pseudo_time(v, &at) && pseudo_parse(v, &p)) {
		MG_ASSERT(version_is_prerelease(v));
		pseudo_build(version_major(v), buf_span(&base), at, p.rev, &built);
		MG_ASSERT(span_eq(buf_span(&built), v));
	}
	buf_deinit(&canonical);
	buf_deinit(&base);
	buf_deinit(&built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span rest = span_make(data, n);
	struct mg_span list[3] = { span_cut(&rest, '\n'), span_cut(&rest, '\n'), rest };
	for (size_t i = 0; i < 3; i++)
		check_one(list[i]);
	MG_ASSERT(version_order(list[0], list[1]) == -version_order(list[1], list[0]) ||
		  version_compare(list[0], list[1]) == 0);
	version_sort(list, 3);
	MG_ASSERT(version_order(list[0], list[1]) <= 0 && version_order(list[1], list[2]) <= 0 &&
		  version_order(list[0], list[2]) <= 0);
	return 0;
}
