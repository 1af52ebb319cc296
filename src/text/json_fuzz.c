/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void visit(const struct json *j, int level)
{
	struct mg_span s;
	int64_t n;
	bool b;
	MG_ASSERT(level <= 16);
	MG_ASSERT(json_as_string(j, &s) + json_as_int(j, &n) + json_as_bool(j, &b) <= 1);
	for (size_t i = 0; json_at(j, i) != NULL; i++)
		visit(json_at(j, i), level + 1);
}

/* What is quoted can be read, and quoting what was read gives the same again. */
static void check_quote(struct mg_span bytes)
{
	struct mg_buf quoted = BUF_MAX(1 << 20), again = BUF_MAX(1 << 20);
	struct json *j;
	struct mg_span s;
	json_quote(bytes, &quoted);
	/* U+0000 is written, and not read */
	if (span_index(bytes, '\0') < 0 && json_parse(buf_span(&quoted), &j, NULL) == MG_OK) {
		MG_ASSERT(json_as_string(j, &s));
		json_quote(s, &again);
		MG_ASSERT(span_eq(buf_span(&quoted), buf_span(&again)));
		json_free(&j);
	} else {
		MG_ASSERT(span_index(bytes, '\0') >= 0 || buf_failed(&quoted));
	}
	buf_deinit(&quoted);
	buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mg_span bytes = span_make(data, size);
	struct json *j = NULL;
	struct mg_err err;
	if (json_parse(bytes, &j, &err) == MG_OK) {
		visit(j, 0);
		visit(json_member(j, "Version"), 0);
		json_free(&j);
	}
	check_quote(bytes);
	return 0;
}
