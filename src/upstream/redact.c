/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/redact.h"

/* URL = scheme "://" [ userinfo "@" ] host [ ":" port ] path [ "?" query ] [ "#" fragment ]
 * (RFC 3986 §3). The last '@' of the authority ends the user-info: a password with a raw '@' in it
 * must not leave its tail behind. */
void redact_url(struct mg_span url, struct mg_buf *out)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] == '?' || url.p[i] == '#') url = span_first(url, i);
	ptrdiff_t colon = span_find(url, SPAN("://"));
	if (colon >= 0) {
		buf_append(out, span_first(url, (size_t)colon + 3));
		url = span_from(url, (size_t)colon + 3);
	}
	ptrdiff_t slash = span_index(url, '/');
	struct mg_span authority = slash < 0 ? url : span_first(url, (size_t)slash);
	/* A raw '/' in a password moves the first slash before the '@': then nothing may be shown up
	 * to the last '@' of all. */
	ptrdiff_t at = span_last_index(authority, '@');
	if (at < 0 && slash >= 0 && span_index(authority, ':') >= 0) {
		struct mg_span port = span_from(authority, (size_t)span_index(authority, ':') + 1);
		uint64_t ignored;
		bool plain = span_u64(port, 65535, &ignored) || authority.p[0] == '[';
		if (!plain) at = span_last_index(url, '@');
	}
	buf_append(out, at < 0 ? url : span_from(url, (size_t)at + 1));
}
