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

/* Bytes of "https://" and the like at the beginning. curl finds a host behind any number of slashes; in a
 * file's URL the third begins the path. */
static size_t scheme_size(struct mg_span url)
{
	const ptrdiff_t colon = span_index(url, ':');
	if (colon <= 0 || (size_t)colon + 1 >= url.n || url.p[colon + 1] != '/') return 0;
	for (ptrdiff_t i = 0; i < colon; i++) {
		const char c = url.p[i];
		const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && strchr("+-.", c) == NULL) return 0;
	}
	size_t n = (size_t)colon + 1;
	const size_t most = span_has_prefix(url, SPAN("file:")) ? n + 2 : url.n;
	while (n < most && n < url.n && url.p[n] == '/')
		n++;
	return n;
}

/* URL = [ scheme "://" ] [ userinfo "@" ] host [ ":" port ] path [ "?" query ] [ "#" fragment ]
 * (RFC 3986 §3). The last '@' of the authority ends the user-info: a password with a raw '@' in it
 * must not leave its tail behind; nor may one with a raw '/', '?' or '#' leave its head. */
void redact_url(struct mg_span url, struct mg_buf *out)
{
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] == '?' || url.p[i] == '#') url = span_first(url, i);
	const size_t prefix = scheme_size(url);
	buf_append(out, span_first(url, prefix));
	url = span_from(url, prefix);
	const ptrdiff_t slash = span_index(url, '/');
	const struct mg_span authority = slash < 0 ? url : span_first(url, (size_t)slash);
	ptrdiff_t at = span_last_index(authority, '@');
	if (at < 0 && !is_host(authority)) {
		at = span_last_index(url, '@');
		if (at < 0) return;
	}
	buf_append(out, at < 0 ? url : span_from(url, (size_t)at + 1));
}
