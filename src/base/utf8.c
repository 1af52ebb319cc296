/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

/* RFC 3629 §4: UTF8-1 = %x00-7F, UTF8-2 = %xC2-DF tail, UTF8-3 = %xE0-EF 2tail less overlong and
 * surrogates, UTF8-4 = %xF0-F4 3tail less overlong and above U+10FFFF; tail = %x80-BF */
size_t utf8_decode(struct mg_span s, uint32_t *point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = (unsigned char)s.p[0];
	if (lead < 0x80) {
		*point = lead;
		return 1;
	}
	size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	if (lead < 0xc2 || lead > 0xf4 || s.n < len) return 0;
	uint32_t v = lead & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		unsigned char tail = (unsigned char)s.p[i];
		if ((tail & 0xc0) != 0x80) return 0;
		v = v << 6 | (tail & 0x3f);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff)) return 0;
	*point = v;
	return len;
}

bool utf8_is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
	       point == 0x2029;
}
