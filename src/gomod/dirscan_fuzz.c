/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says how long the pieces are in which the rest comes, as the zip of a.b@v1.0.0. */
#include "base/check.h"
#include "gomod/dirscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool is_header(struct mg_span s)
{
	return span_has_prefix(s, SPAN("PK\x01\x02")) &&
	       span_has_prefix(span_from(s, 46), SPAN("a.b@v1.0.0/"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0) return 0;
	const size_t step = 1 + data[0];
	const struct mg_span bytes = span_make(data + 1, n - 1);
	size_t directory = 0, fed = 0;
	uint64_t clear = 0;
	struct dirscan d;
	while (directory < bytes.n && !is_header(span_from(bytes, directory)))
		directory++;
	dirscan_init(&d, SPAN("a.b"), SPAN("v1.0.0"));
	while (fed < bytes.n) {
		const struct mg_span part = span_first(span_from(bytes, fed), step);
		const uint64_t now = dirscan_feed(&d, part);
		fed += part.n;
		MG_ASSERT(now >= clear && now <= directory && now <= fed);
		/* What cannot be a header is not held back. */
		MG_ASSERT(fed >= directory || now + 46 + 11 > fed);
		clear = now;
	}
	MG_ASSERT(directory == bytes.n || clear == directory);
	dirscan_deinit(&d);
	return 0;
}
