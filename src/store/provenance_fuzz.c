/* SPDX-License-Identifier: Apache-2.0 */
#include "store/provenance.h"

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is accepted must come out of printing and reading again as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum target_kind kinds[] = { TARGET_INFO, TARGET_MOD, TARGET_ZIP };
	struct target t = { .epath = SPAN("example.com/m"), .eversion = SPAN("v1.0.0") };
	struct provenance first, second;
	struct mg_err err;
	if (provenance_parse(span_make(data, n), &t, &first, &err) != MG_OK) return 0;
	struct mg_buf text = BUF_MAX(PROVENANCE_MAX);
	struct mg_buf again = BUF_MAX(PROVENANCE_MAX);
	provenance_print(&first, &t, &text);
	MG_ASSERT(!buf_failed(&text));
	MG_ASSERT(provenance_parse(buf_span(&text), &t, &second, &err) == MG_OK);
	provenance_print(&second, &t, &again);
	MG_ASSERT(span_eq(buf_span(&text), buf_span(&again)));
	/* The short way says what the long one does. */
	for (int kind = 0; kind < PROVENANCE_KINDS; kind++) {
		const struct provenance_artifact *a = &second.artifact[kind];
		struct mg_span verified, by;
		t.kind = kinds[kind];
		MG_ASSERT(provenance_says(buf_span(&text), &t, a->sha256, a->size, &verified,
					  &by) == a->present);
	}
	buf_deinit(&text);
	buf_deinit(&again);
	return 0;
}
