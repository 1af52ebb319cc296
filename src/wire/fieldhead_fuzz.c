/* SPDX-License-Identifier: Apache-2.0 */
/* Input: lines "name=value". What is accepted as fields is accepted as text too, and means the same. */
#include "base/buf.h"
#include "base/check.h"
#include "wire/fieldhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same head as HTTP/1.1 text. */
static void compare(const struct fieldhead *f, struct mg_buf *lines)
{
	struct mg_buf text = BUF_MAX(HEAD_MAX_BYTES);
	const struct head *h = f->head;
	struct head other;
	size_t scanned = 0, used = 0;
	int status = 0;
	const char *reason = "";

	buf_printf(&text, "%.*s %.*s HTTP/1.1\r\n", SPAN_ARG(h->method_name), SPAN_ARG(h->target));
	if (f->host.p == NULL) buf_printf(&text, "Host: %.*s\r\n", SPAN_ARG(f->authority));
	buf_append(&text, buf_span(lines));
	buf_append_str(&text, "\r\n");
	enum head_result result =
		head_parse(buf_span(&text), &scanned, &other, &used, &status, &reason);
	if (result != HEAD_DONE) __builtin_trap();
	MG_ASSERT(h->method == other.method && h->content_length == other.content_length);
	MG_ASSERT(h->expect_continue == other.expect_continue && !other.chunked);
	MG_ASSERT(span_eq(h->path, other.path) && (h->query.p == NULL) == (other.query.p == NULL));
	for (int i = 0; i < HEAD_FIELD_COUNT; i++)
		MG_ASSERT((h->field[i].p == NULL) == (other.field[i].p == NULL) &&
			  span_eq_nocase(h->field[i], other.field[i]));
	buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mg_buf lines = BUF_MAX(HEAD_MAX_BYTES);
	struct mg_span rest = span_make(data, size);
	struct fieldhead f;
	struct head head;

	if (size == 0 || size > HEAD_MAX_BYTES / 2) return 0;
	fieldhead_begin(&f, &head);
	while (rest.p != NULL) {
		struct mg_span value = span_cut(&rest, '\n'), name = span_cut(&value, '=');
		if (value.p == NULL) value = span_first(name, 0);
		fieldhead_add(&f, name, value);
		if (name.n > 0 && name.p[0] != ':')
			buf_printf(&lines, "%.*s: %.*s\r\n", SPAN_ARG(name), SPAN_ARG(value));
	}
	/* As text the host takes a line more, for which there may be no room. */
	if (fieldhead_end(&f) && f.fields < HEAD_MAX_FIELDS) compare(&f, &lines);
	buf_deinit(&lines);
	return 0;
}
