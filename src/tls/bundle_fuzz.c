/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "tls/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is read is written back as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bundle b;
	struct mg_buf again = BUF_MAX(BUNDLE_BYTES_MAX);

	if (bundle_decode(span_make(data, n), &b, NULL) == MG_OK) {
		bundle_encode(&b, &again);
		MG_ASSERT(span_eq(buf_span(&again), span_make(data, n)));
	}
	buf_deinit(&again);
	return 0;
}
