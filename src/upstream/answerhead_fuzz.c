/* SPDX-License-Identifier: Apache-2.0 */
/* Any lines, as curl would cut them, from any server. */
#include "base/check.h"
#include "upstream/answerhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct answerhead h = { 0 };
	struct mg_span rest = span_make(data, n);
	while (rest.n > 0) {
		const ptrdiff_t end = span_index(rest, '\n');
		const size_t line = end < 0 ? rest.n : (size_t)end + 1;
		struct mg_err err;
		if (answerhead_line(&h, span_first(rest, line), 1700000000, &err) != MG_OK) {
			MG_ASSERT(err.code == MG_CORRUPT && err.text[0] != '\0');
			return 0;
		}
		rest = span_from(rest, line);
	}
	MG_ASSERT(strlen(h.location) < sizeof h.location && strlen(h.etag) < sizeof h.etag);
	MG_ASSERT(!h.has_range || (h.range_from <= h.range_to && h.range_to < h.range_size));
	MG_ASSERT(!(h.complete && h.chunked && h.has_length));
	MG_ASSERT(h.status == 0 || (h.status >= 100 && h.status <= 999));
	MG_ASSERT(!answerhead_strong_etag(&h) || h.etag[0] == '"');
	return 0;
}
