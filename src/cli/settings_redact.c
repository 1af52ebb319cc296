/* SPDX-License-Identifier: Apache-2.0 */
/* Values for people: what may be a secret is blotted out. */
#include "cli/settings.h"

/* Where the '@' is that ends the user-info of "user:password@host:port/path"; -1: it has none. A
 * password with a raw '/' in it makes no URL, but is one all the same. */
static ptrdiff_t user_info_end(struct mg_span s)
{
	struct mg_span port = s;
	const struct mg_span authority = span_cut(&port, '/');
	const ptrdiff_t at = span_last_index(authority, '@');
	uint64_t number;
	if (at >= 0) return at;
	port = authority;
	(void)span_cut(&port, ':');
	const bool is_host = port.p == NULL || span_has_prefix(authority, SPAN("[")) ||
			     span_u64(port, 65535, &number);
	return is_host ? -1 : span_last_index(s, '@');
}

void settings_text_redacted(const struct settings *s, const struct settings_def *def,
			    struct mg_buf *out)
{
	struct mg_buf plain = BUF_MAX(64u << 10);
	settings_text(s, def, &plain);

	struct mg_span rest = buf_span(&plain);
	while (rest.n > 0) {
		/* A list's separators end a URL. */
		size_t n = 0;
		while (n < rest.n && rest.p[n] != ',' && rest.p[n] != '|')
			n++;
		struct mg_span url = span_first(rest, n);
		const ptrdiff_t scheme = span_find(url, SPAN("://"));
		if (scheme >= 0) {
			buf_append(out, span_first(url, (size_t)scheme + 3));
			url = span_from(url, (size_t)scheme + 3);
		}
		const ptrdiff_t at = scheme >= 0 || def->secret ? user_info_end(url) : -1;
		if (at >= 0) {
			buf_append_str(out, "***");
			url = span_from(url, (size_t)at);
		}
		const ptrdiff_t query = def->secret ? span_index(url, '?') : -1;
		buf_append(out, query < 0 ? url : span_first(url, (size_t)query + 1));
		if (query >= 0) buf_append_str(out, "***");
		buf_append(out, span_first(span_from(rest, n), 1));
		rest = span_from(rest, n + 1);
	}
	buf_deinit(&plain);
}

bool settings_has_user_info(const struct settings *s, const struct settings_def *def)
{
	struct mg_buf plain = BUF_MAX(64u << 10), shown = BUF_MAX(64u << 10);

	settings_text(s, def, &plain);
	settings_text_redacted(s, def, &shown);
	bool differs = !span_eq(buf_span(&plain), buf_span(&shown));
	buf_deinit(&plain);
	buf_deinit(&shown);
	return differs;
}
