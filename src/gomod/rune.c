/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/rune.h"

#include "base/check.h"
#include "base/utf8.h"

uint32_t rune_next(struct mg_span *rest)
{
	MG_ASSERT(rest->n > 0);
	uint32_t r;
	size_t width = utf8_decode(*rest, &r);
	if (width == 0) {
		width = 1;
		r = RUNE_ERROR;
	}
	*rest = span_from(*rest, width);
	return r;
}

bool rune_valid(struct mg_span s)
{
	while (s.n > 0) {
		uint32_t r;
		size_t width = utf8_decode(s, &r);
		if (width == 0) return false;
		s = span_from(s, width);
	}
	return true;
}

void rune_append(uint32_t r, struct mg_buf *out)
{
	if (r > RUNE_MAX || (r >= 0xd800 && r <= 0xdfff)) r = RUNE_ERROR;
	if (r < 0x80) {
		buf_append_char(out, (char)r);
	} else if (r < 0x800) {
		buf_append_char(out, (char)(0xc0 | r >> 6));
		buf_append_char(out, (char)(0x80 | (r & 0x3f)));
	} else if (r < 0x10000) {
		buf_append_char(out, (char)(0xe0 | r >> 12));
		buf_append_char(out, (char)(0x80 | (r >> 6 & 0x3f)));
		buf_append_char(out, (char)(0x80 | (r & 0x3f)));
	} else {
		buf_append_char(out, (char)(0xf0 | r >> 18));
		buf_append_char(out, (char)(0x80 | (r >> 12 & 0x3f)));
		buf_append_char(out, (char)(0x80 | (r >> 6 & 0x3f)));
		buf_append_char(out, (char)(0x80 | (r & 0x3f)));
	}
}

bool rune_is_space(uint32_t r)
{
	return r == ' ' || (r >= '\t' && r <= '\r') || r == 0x85 || r == 0xa0 || r == 0x1680 ||
	       (r >= 0x2000 && r <= 0x200a) || r == 0x2028 || r == 0x2029 || r == 0x202f ||
	       r == 0x205f || r == 0x3000;
}

struct mg_span rune_trim_space(struct mg_span s)
{
	struct mg_span rest = s;
	const char *begin = NULL, *end = s.p;
	while (rest.n > 0) {
		const char *at = rest.p;
		if (rune_is_space(rune_next(&rest))) continue;
		if (begin == NULL) begin = at;
		end = rest.p;
	}
	return begin == NULL ? span_first(s, 0) : span_make(begin, (size_t)(end - begin));
}

bool rune_in_ranges(uint32_t r, const struct rune_range *ranges, size_t n)
{
	size_t lo = 0;
	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;
		if (r < ranges[mid].lo)
			n = mid;
		else if (r > ranges[mid].hi)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}
