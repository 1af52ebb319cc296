/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2fields.h"

#include <stdio.h>

#include "base/check.h"
#include "wire/httpdate.h"

#define KEEP_BOTH (NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)
/* What differs from answer to answer would only push out of the encoder's table what does not. */
#define KEEP_OUT NGHTTP2_NV_FLAG_NO_INDEX

struct fields {
	nghttp2_nv *nv;
	size_t n;
};

static void add(struct fields *f, const char *name, size_t name_n, struct mg_span value,
		unsigned flags)
{
	MG_ASSERT(f->n < H2FIELDS_MAX);
	f->nv[f->n++] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
				      .value = (uint8_t *)(uintptr_t)value.p,
				      .namelen = name_n,
				      .valuelen = value.n,
				      .flags = (uint8_t)flags };
}

#define ADD(f, name, value, flags) add(f, name, sizeof(name) - 1, value, flags)

struct known {
	char name[15], lower[15];
	unsigned flags;
};

/* The usual names in the spelling that replies use: what is found here needs no copy in lower case. */
static const struct known *find_known(struct mg_span name)
{
	static const struct known etag = { "ETag", "etag", 0 }, server = { "Server", "server", 0 },
				  proxy = { "X-Go-Proxy", "x-go-proxy", 0 },
				  type = { "Content-Type", "content-type", 0 },
				  cache = { "Cache-Control", "cache-control", 0 },
				  ranges = { "Accept-Ranges", "accept-ranges", 0 },
				  modified = { "Last-Modified", "last-modified", KEEP_OUT },
				  length = { "Content-Length", "content-length", 0 };
	const struct known *k = NULL;

	switch (name.n) {
	case 4:
		k = &etag;
		break;
	case 6:
		k = &server;
		break;
	case 10:
		k = &proxy;
		break;
	case 12:
		k = &type;
		break;
	case 13:
		k = name.p[0] == 'C' ? &cache : name.p[0] == 'A' ? &ranges : &modified;
		break;
	case 14:
		k = &length;
		break;
	}
	return k != NULL && memcmp(k->name, name.p, name.n) == 0 ? k : NULL;
}

/* *( Name ": " value CRLF ), as reply.c and the server's options have them. */
static void add_lines(struct fields *f, struct mg_span lines)
{
	while (lines.n > 0) {
		ptrdiff_t colon = span_index(lines, ':'), lf = span_index(lines, '\n');
		MG_ASSERT(colon > 0 && lf > colon + 2);
		struct mg_span name = span_first(lines, (size_t)colon);
		struct mg_span value = span_make(lines.p + colon + 2, (size_t)(lf - colon - 3));
		const struct known *k = find_known(name);
		if (k != NULL)
			add(f, k->lower, name.n, value, KEEP_BOTH | k->flags);
		else /* copied, and then in lower case */
			add(f, name.p, name.n, value, NGHTTP2_NV_FLAG_NO_COPY_VALUE);
		lines = span_from(lines, (size_t)lf + 1);
	}
}

static void add_length(struct fields *f, struct h2fields_text *text, uint64_t n)
{
	int size = snprintf(text->length, sizeof text->length, "%llu", (unsigned long long)n);

	ADD(f, "content-length", span_make(text->length, (size_t)size), KEEP_BOTH);
}

/* RFC 9110 §15.3.7, §15.5.17 */
static void add_range(struct fields *f, struct h2fields_text *text, uint64_t size,
		      const struct outbound_how *how)
{
	int n = how->verdict == CONDITIONAL_PARTIAL
			? snprintf(text->range, sizeof text->range, "bytes %llu-%llu/%llu",
				   (unsigned long long)how->first, (unsigned long long)how->last,
				   (unsigned long long)size)
			: snprintf(text->range, sizeof text->range, "bytes */%llu",
				   (unsigned long long)size);

	ADD(f, "content-range", span_make(text->range, (size_t)n), KEEP_BOTH | KEEP_OUT);
}

size_t h2fields_of(const struct reply *r, const struct outbound_how *how,
		   struct h2fields_text *text, nghttp2_nv nv[H2FIELDS_MAX])
{
	struct fields f = { .nv = nv };
	/* "HTTP/1.1 200", then what comes behind the Date. */
	struct mg_span status = span_make(r->head.p + 9, 3);
	struct mg_span own = span_from(r->head, r->date_at + HTTPDATE_SIZE + 2);

	if (how->verdict == CONDITIONAL_NOT_MODIFIED)
		status = SPAN("304");
	else if (how->verdict == CONDITIONAL_PARTIAL)
		status = SPAN("206");
	else if (how->verdict != CONDITIONAL_FULL)
		status = SPAN("416");
	ADD(&f, ":status", status, KEEP_BOTH);
	ADD(&f, "date", span_make(how->date, HTTPDATE_SIZE), KEEP_BOTH);
	switch (how->verdict) {
	case CONDITIONAL_FULL:
		add_lines(&f, own);
		break;
	case CONDITIONAL_NOT_MODIFIED:
		add_lines(&f, r->shared);
		break;
	case CONDITIONAL_PARTIAL:
		add_lines(&f, r->shared);
		add_lines(&f, r->type);
		add_range(&f, text, r->size, how);
		add_length(&f, text, how->last - how->first + 1);
		break;
	default:
		add_range(&f, text, r->size, how);
		add_length(&f, text, 0);
	}
	add_lines(&f, how->server);
	if (how->id_field) ADD(&f, "x-request-id", span_make(how->id, 16), KEEP_BOTH | KEEP_OUT);
	return f.n;
}
