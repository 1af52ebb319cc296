/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/redact.h"

/* Is it host [ ":" port ], and not the front half of "user:pass/word@host"? */
static bool is_host(struct mg_span authority)
{
	const ptrdiff_t colon = span_index(authority, ':');
	uint64_t port;
	return colon < 0 || authority.p[0] == '[' ||
	       span_u64(span_from(authority, (size_t)colon + 1), 65535, &port);
}

/* URL = [ scheme "://" ] [ userinfo "@" ] host [ ":" port ] path [ "?" query ] [ "#" fragment ]
 * (RFC 3986 §3). The last '@' of the authority ends the user-info: a password with a raw '@' in it
 * must not leave its tail behind; nor may one with a raw '/', '?' or '#' leave its head. */
void redact_url(struct mg_span url, struct mg_buf *out)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] == '?' || url.p[i] == '#') url = span_first(url, i);
	const bool is_file = span_has_prefix(url, SPAN("file:"));
	const ptrdiff_t colon = span_find(url, SPAN("://"));
	if (colon >= 0) {
		buf_append(out, span_first(url, (size_t)colon + 3));
		url = span_from(url, (size_t)colon + 3);
		/* curl finds a host behind further slashes too. */
		while (!is_file && url.n > 0 && url.p[0] == '/')
			url = span_from(url, 1);
	}
	const ptrdiff_t slash = span_index(url, '/');
	const struct mg_span authority = slash < 0 ? url : span_first(url, (size_t)slash);
	ptrdiff_t at = span_last_index(authority, '@');
	if (at < 0 && !is_host(authority)) {
		at = span_last_index(url, '@');
		if (at < 0) return;
	}
	buf_append(out, at < 0 ? url : span_from(url, (size_t)at + 1));
}
