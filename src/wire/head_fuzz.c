/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte that says how large the pieces are in which the rest arrives, and the rest. */
#include <stdlib.h>

#include "base/check.h"
#include "wire/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct mg_span s, struct mg_span bytes)
{
	return s.p == NULL || (s.p >= bytes.p && s.p + s.n <= bytes.p + bytes.n);
}

static void check_head(const struct head *h, struct mg_span bytes, size_t used)
{
	struct mg_span head = span_first(bytes, used);
	MG_ASSERT(used <= bytes.n && used <= HEAD_MAX_BYTES);
	MG_ASSERT(span_has_suffix(head, SPAN("\r\n\r\n")));
	MG_ASSERT(h->target.p[0] == '/' ||
		  (h->method == HEAD_OPTIONS && span_eq(h->target, SPAN("*"))));
	MG_ASSERT(h->target.n == h->path.n + (h->query.p != NULL) + h->query.n);
	MG_ASSERT(!h->chunked || (h->minor == 1 && h->content_length == 0));
	MG_ASSERT(h->minor == 0 || h->field[HEAD_FIELD_HOST].n > 0);
	MG_ASSERT(is_inside(h->target, head) && is_inside(h->method_name, head));
	for (int i = 0; i < HEAD_FIELD_COUNT; i++)
		MG_ASSERT(is_inside(h->field[i], head));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) return 0;
	struct mg_span bytes = span_make(data + 1, size - 1);
	struct head whole, pieces;
	size_t scanned = 0, used = 0, used_pieces = 0, step = (size_t)data[0] * 8 + 1, n = 0;
	int status = 0, status_pieces = 0;
	const char *reason = NULL;
	enum head_result once = head_parse(bytes, &scanned, &whole, &used, &status, &reason),
			 bit = HEAD_MORE;
	MG_ASSERT(once != HEAD_BAD || (status >= 400 && status <= 505 && reason[0] != '\0'));
	for (scanned = 0; bit == HEAD_MORE && n < bytes.n;) {
		n = bytes.n - n > step ? n + step : bytes.n;
		bit = head_parse(span_first(bytes, n), &scanned, &pieces, &used_pieces,
				 &status_pieces, &reason);
	}
	/* A fault may show later when the bytes come in pieces, but it shows before the head is done. */
	MG_ASSERT(bytes.n == 0 || bit == once || (once == HEAD_BAD && bit == HEAD_MORE));
	if (once != HEAD_DONE) return 0;
	MG_ASSERT(used == used_pieces && memcmp(&whole, &pieces, sizeof whole) == 0);
	check_head(&whole, bytes, used);
	return 0;
}
