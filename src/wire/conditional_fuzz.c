/* SPDX-License-Identifier: Apache-2.0 */
/* Input: If-None-Match, If-Modified-Since, Range, If-Range, our tag: a line each, '-' for none. */
#include "base/check.h"
#include "wire/conditional.h"
#include "wire/httpdate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1795425300)

static void check_date(struct mg_span s)
{
	int64_t at, back;
	char text[HTTPDATE_SIZE];
	if (!httpdate_parse(s, NOW, &at)) return;
	httpdate_format(at, text);
	MG_ASSERT(httpdate_parse(span_make(text, sizeof text), NOW, &back));
	/* a leap second at the end of the year 9999 has no four digits */
	MG_ASSERT(back == at || at == INT64_C(253402300800));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum head_field fields[] = { HEAD_FIELD_IF_NONE_MATCH,
						  HEAD_FIELD_IF_MODIFIED_SINCE, HEAD_FIELD_RANGE,
						  HEAD_FIELD_IF_RANGE };
	static const uint64_t sizes[] = { 0, 1, 10, UINT64_MAX };
	struct head h = { .method = HEAD_GET };
	struct mg_span rest = span_make(data, size);
	for (size_t i = 0; i < 4 && rest.p != NULL; i++) {
		struct mg_span line = span_cut(&rest, '\n');
		check_date(line);
		if (!span_eq(line, SPAN("-"))) h.field[fields[i]] = line;
	}
	for (size_t i = 0; i < 4; i++) {
		uint64_t first, last;
		enum conditional_verdict v =
			conditional_judge(&h, rest, 784111777, sizes[i], NOW, &first, &last);
		MG_ASSERT(v != CONDITIONAL_PARTIAL || (first <= last && last < sizes[i]));
		MG_ASSERT(v != CONDITIONAL_NOT_MODIFIED || h.field[fields[0]].p ||
			  h.field[fields[1]].p);
		MG_ASSERT(v < CONDITIONAL_PARTIAL || h.field[fields[2]].p != NULL);
	}
	return 0;
}
