/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"

static const char hex_digits[] = "0123456789abcdef";

void hex_encode(const void *bytes, size_t n, char *out)
{
	const unsigned char *b = bytes;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digits[b[i] >> 4];
		out[2 * i + 1] = hex_digits[b[i] & 15];
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	return -1;
}

bool hex_decode(struct mg_span s, void *out, size_t out_n)
{
	if (s.n / 2 != out_n || s.n % 2 != 0) return false;
	for (size_t i = 0; i < s.n; i++)
		if (hex_value(s.p[i]) < 0) return false;
	unsigned char *o = out;
	for (size_t i = 0; i < out_n; i++)
		o[i] = (unsigned char)(hex_value(s.p[2 * i]) << 4 | hex_value(s.p[2 * i + 1]));
	return true;
}

static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_base64_encode(struct mg_span bytes, struct mg_buf *out)
{
	const unsigned char *b = (const unsigned char *)bytes.p;
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t v = (uint32_t)b[i] << 16;
		if (left > 1) v |= (uint32_t)b[i + 1] << 8;
		if (left > 2) v |= b[i + 2];
		char quad[4] = { b64_digits[v >> 18], b64_digits[v >> 12 & 63],
				 left > 1 ? b64_digits[v >> 6 & 63] : '=',
				 left > 2 ? b64_digits[v & 63] : '=' };
		buf_append(out, span_make(quad, sizeof quad));
	}
}

static int b64_value(char c)
{
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	if (c == '+') return 62;
	return c == '/' ? 63 : -1;
}

bool hex_base64_decode(struct mg_span s, struct mg_buf *out)
{
	if (s.n % 4 != 0) return false;
	size_t digits = s.n;
	while (digits > 0 && s.n - digits < 2 && s.p[digits - 1] == '=')
		digits--;
	for (size_t i = 0; i < digits; i++)
		if (b64_value(s.p[i]) < 0) return false;
	/* Bits behind the last byte must be zero, or two spellings would mean the same bytes. */
	if (digits % 4 == 2 && (b64_value(s.p[digits - 1]) & 15) != 0) return false;
	if (digits % 4 == 3 && (b64_value(s.p[digits - 1]) & 3) != 0) return false;

	uint32_t acc = 0;
	int bits = 0;
	for (size_t i = 0; i < digits; i++) {
		acc = acc << 6 | (uint32_t)b64_value(s.p[i]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_append_char(out, (char)(acc >> bits & 0xff));
		}
	}
	return !buf_failed(out);
}
