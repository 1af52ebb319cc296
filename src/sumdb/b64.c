/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/b64.h"

static int value(char c)
{
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	if (c == '+') return 62;
	return c == '/' ? 63 : -1;
}

static bool is_line_break(char c)
{
	return c == '\n' || c == '\r';
}

/* pad = 1*2"=", as many as digits are missing to four; line breaks anywhere. */
static bool is_padding(struct mg_span s, unsigned missing)
{
	for (size_t i = 0; i < s.n; i++) {
		if (is_line_break(s.p[i])) continue;
		if (s.p[i] != '=' || missing == 0) return false;
		missing--;
	}
	return missing == 0;
}

static void emit(struct mg_buf *out, uint32_t bits, unsigned bytes)
{
	char triple[3] = { (char)(bits >> 16), (char)(bits >> 8 & 0xff), (char)(bits & 0xff) };
	buf_append(out, span_make(triple, bytes));
}

bool b64_decode(struct mg_span s, struct mg_buf *out)
{
	uint32_t bits = 0;
	unsigned digits = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (is_line_break(s.p[i])) continue;
		int v = value(s.p[i]);
		if (v < 0) {
			if (digits < 2 || !is_padding(span_from(s, i), 4 - digits)) return false;
			emit(out, bits << 6 * (4 - digits), digits - 1);
			return !buf_failed(out);
		}
		bits = bits << 6 | (uint32_t)v;
		if (++digits == 4) {
			emit(out, bits, 3);
			bits = digits = 0;
		}
	}
	return digits == 0 && !buf_failed(out);
}

bool b64_decode_exact(struct mg_span s, void *out, size_t n)
{
	struct mg_buf bytes = BUF_MAX(n);
	bool ok = b64_decode(s, &bytes) && bytes.n == n;
	if (ok && n > 0) memcpy(out, bytes.p, n);
	buf_deinit(&bytes);
	return ok;
}
