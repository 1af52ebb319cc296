/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "fetch/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What decodes must encode to the same bytes: the encoding is canonical. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span in = span_make(data, n);
	struct ticket t;
	if (!ticket_decode(in, &t)) return 0;
	struct mg_buf b = BUF_MAX(256u << 10);
	ticket_encode(&t, &b);
	MG_ASSERT(!buf_failed(&b) && span_eq(buf_span(&b), in));
	buf_deinit(&b);
	return 0;
}
