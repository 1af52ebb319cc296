/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "fetch/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is understood prints as the same line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span in = span_make(data, n);
	struct report r;
	if (n > REPORT_LINE_MAX || !report_parse(in, &r)) return 0;
	struct mg_buf b = BUF_MAX(2 * REPORT_LINE_MAX);
	report_print(&r, &b);
	MG_ASSERT(b.n == n + 1 && span_eq(span_first(buf_span(&b), n), in));
	buf_deinit(&b);
	return 0;
}
