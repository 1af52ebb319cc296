/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/goquote.h"

#include "gomod/rune.h"

/* n digits of the base off *s. */
static bool take_number(struct mg_span *s, size_t n, uint32_t base, uint32_t *out)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t v = 0;
	if (s->n < n) return false;
	for (size_t i = 0; i < n; i++) {
		char c = s->p[i];
		if (c >= 'A' && c <= 'F') c = (char)(c | 0x20);
		const char *at = c != '\0' ? strchr(digits, c) : NULL;
		if (at == NULL || (uint32_t)(at - digits) >= base) return false;
		v = v * base + (uint32_t)(at - digits);
	}
	*s = span_from(*s, n);
	*out = v;
	return true;
}

/* What stands behind a backslash:
 *   "a" / "b" / "f" / "n" / "r" / "t" / "v" / "\" / DQUOTE
 *   / 3OCTAL / "x" 2HEXDIG      a byte
 *   / "u" 4HEXDIG / "U" 8HEXDIG a character */
static bool take_escape(struct mg_span *s, struct mg_buf *out)
{
	static const char names[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
	uint32_t v;
	if (s->n == 0) return false;
	char c = s->p[0];
	if (c >= '0' && c <= '7') {
		if (!take_number(s, 3, 8, &v) || v > 255) return false;
		return buf_append_char(out, (char)v);
	}
	*s = span_from(*s, 1);
	if (c == 'x') return take_number(s, 2, 16, &v) && buf_append_char(out, (char)v);
	if (c == 'u' || c == 'U') {
		if (!take_number(s, c == 'u' ? 4 : 8, 16, &v)) return false;
		if (v > RUNE_MAX || (v >= 0xd800 && v <= 0xdfff)) return false;
		rune_append(v, out);
		return true;
	}
	const char *at = c != '\0' ? strchr(names, c) : NULL;
	return at != NULL && buf_append_char(out, values[at - names]);
}

static bool unquote_interpreted(struct mg_span s, struct mg_buf *out)
{
	while (s.n > 0) {
		char c = s.p[0];
		if (c == '"' || c == '\n') return false;
		if (c == '\\') {
			s = span_from(s, 1);
			if (!take_escape(&s, out)) return false;
		} else {
			rune_append(rune_next(&s), out);
		}
	}
	return true;
}

static bool unquote_raw(struct mg_span s, struct mg_buf *out)
{
	if (span_index(s, '`') >= 0) return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r') buf_append_char(out, s.p[i]);
	return true;
}

bool goquote_unquote(struct mg_span s, struct mg_buf *out)
{
	if (s.n < 2 || s.p[0] != s.p[s.n - 1]) return false;
	struct mg_span inner = span_make(s.p + 1, s.n - 2);
	size_t before = out->n;
	bool ok = s.p[0] == '"'   ? unquote_interpreted(inner, out)
		  : s.p[0] == '`' ? unquote_raw(inner, out)
				  : false;
	if (!ok) out->n = before;
	return ok;
}
