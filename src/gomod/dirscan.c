/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/dirscan.h"

#include "base/check.h"

/* central header = "PK" 01 02, 42 bytes that say nothing here, name (APPNOTE.TXT §4.3.12). The name of
 * every entry begins with "path@version/" (go.dev/ref/mod#zip-path-size-constraints): the directory of a
 * zip that lies within the zip, as test data do, is told apart by that. */
#define SIGNATURE SPAN("PK\x01\x02")
#define NAME_AT   46

void dirscan_init(struct dirscan *d, struct mg_span path, struct mg_span version)
{
	*d = (struct dirscan){ .prefix = BUF_MAX(path.n + version.n + 2),
			       .tail = BUF_MAX(SIZE_MAX / 2) };
	buf_append(&d->prefix, path);
	buf_append_char(&d->prefix, '@');
	buf_append(&d->prefix, version);
	buf_append_char(&d->prefix, '/');
}

void dirscan_deinit(struct dirscan *d)
{
	buf_deinit(&d->prefix);
	buf_deinit(&d->tail);
}

/* Are these bytes, as far as they go, those of want? */
static bool agrees(struct mg_span bytes, struct mg_span want)
{
	return span_has_prefix(want, span_first(bytes, want.n));
}

/* Where the first header begins, or what may become one; bytes.n if nowhere. */
static size_t find_header(struct dirscan *d, struct mg_span bytes)
{
	const struct mg_span prefix = buf_span(&d->prefix);
	size_t at = 0;
	while (at < bytes.n) {
		const char *p = memchr(bytes.p + at, SIGNATURE.p[0], bytes.n - at);
		if (p == NULL) break;
		at = (size_t)(p - bytes.p);
		const struct mg_span header = span_from(bytes, at);
		if (agrees(header, SIGNATURE) && agrees(span_from(header, NAME_AT), prefix)) {
			d->found = header.n >= NAME_AT + prefix.n;
			return at;
		}
		at++;
	}
	return bytes.n;
}

uint64_t dirscan_feed(struct dirscan *d, struct mg_span bytes)
{
	if (d->found) return d->clear;
	const bool joined = d->tail.n > 0;
	if (joined) buf_append(&d->tail, bytes);
	const struct mg_span look = joined ? buf_span(&d->tail) : bytes;
	const size_t at = find_header(d, look);
	d->clear += at;
	if (joined)
		buf_consume(&d->tail, at);
	else
		buf_append(&d->tail, span_from(bytes, at));
	MG_ASSERT(!buf_failed(&d->tail));
	return d->clear;
}
