/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "fetch/errand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool take(struct mg_span text, struct errand *e)
{
	struct mg_err err;
	bool complete = false;
	errand_init(e);
	while (text.p != NULL && !complete)
		if (errand_line(e, span_cut(&text, '\n'), &complete, &err) != MG_OK) return false;
	return complete;
}

/* What is understood prints as what is understood as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct errand one, two;
	struct mg_buf first = BUF_MAX(1u << 22), second = BUF_MAX(1u << 22);
	if (n > 65536) return 0;
	if (take(span_make(data, n), &one)) {
		errand_print(&one, &first);
		MG_ASSERT(take(buf_span(&first), &two));
		errand_print(&two, &second);
		MG_ASSERT(!buf_failed(&first) && span_eq(buf_span(&first), buf_span(&second)));
		errand_deinit(&two);
	}
	errand_deinit(&one);
	buf_deinit(&first);
	buf_deinit(&second);
	return 0;
}
