/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a lookup: what is read is printed the same, and the sums are lines of its text. */
#include "base/check.h"
#include "sumdb/lookup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void has_line(struct mg_span text, const char *name, const char *sum)
{
	struct mg_buf line = BUF_MAX(1000);
	buf_append_str(&line, name);
	buf_append_str(&line, sum);
	buf_append_char(&line, '\n');
	ptrdiff_t at = span_find(text, buf_span(&line));
	MG_ASSERT(at >= 0);
	buf_deinit(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mg_span answer = span_make(data, n);
	struct lookup l;
	struct lookup_sums sums;
	if (!lookup_parse(answer, &l)) return 0;
	struct mg_buf out = BUF_MAX(n + 1);
	MG_ASSERT(lookup_print(l.record, l.text, &out) && buf_append(&out, l.note));
	MG_ASSERT(span_eq(buf_span(&out), answer));
	if (lookup_find(l.text, SPAN("a.b/c"), SPAN("v1.2.3"), &sums, NULL) == MG_OK) {
		has_line(l.text, "a.b/c v1.2.3 ", sums.zip);
		has_line(l.text, "a.b/c v1.2.3/go.mod ", sums.mod);
	}
	buf_deinit(&out);
	return 0;
}
