/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/treehead.h"

#include "base/hex.h"
#include "sumdb/b64.h"

#define FIRST_LINE "go.sum database tree"

bool treehead_parse(struct mg_span text, struct treehead *out)
{
	struct mg_span rest = text;
	if (text.n > TREEHEAD_TEXT_MAX) return false;
	struct mg_span first = span_cut(&rest, '\n'), size = span_cut(&rest, '\n');
	struct mg_span root = span_cut(&rest, '\n');
	/* rest is NULL when the third line does not end. */
	return rest.p != NULL && span_eq(first, SPAN(FIRST_LINE)) &&
	       span_u64(size, TLOG_SIZE_MAX, &out->size) &&
	       b64_decode_exact(root, out->root.b, sizeof out->root.b);
}

void treehead_print(const struct treehead *head, struct mg_buf *out)
{
	buf_append_str(out, FIRST_LINE "\n");
	buf_append_u64(out, head->size);
	buf_append_char(out, '\n');
	hex_base64_encode(span_make(head->root.b, sizeof head->root.b), out);
	buf_append_char(out, '\n');
}
