/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/zipreader.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/check.h"

#define LOCAL_SIGNATURE      0x04034b50u
#define LOCAL_SIZE           30
#define DESCRIPTOR_SIGNATURE 0x08074b50u
#define METHOD_STORED        0
#define METHOD_DEFLATED      8
#define OUT_SIZE             65536

struct zipreader {
	struct zipsource_window *w;
	z_stream inflater;
	unsigned char out[OUT_SIZE];
};

struct zipreader *zipreader_new(struct zipsource_window *w)
{
	struct zipreader *r = check_calloc(1, sizeof *r);
	r->w = w;
	/* Negative: raw deflate with the full window. Its only failure is lack of memory. */
	MG_ASSERT(inflateInit2(&r->inflater, -MAX_WBITS) == Z_OK);
	return r;
}

void zipreader_free(struct zipreader **r)
{
	if (*r == NULL) return;
	inflateEnd(&(*r)->inflater);
	free(*r);
	*r = NULL;
}

static enum mg_code refuse(struct mg_err *err, const struct zipdir_entry *e, const char *why)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM, "zip entry %.*s: %s",
		       SPAN_ARG(span_first(e->name, 200)), why);
}

enum mg_code zipreader_locate(struct zipreader *r, const struct zipdir_entry *e, uint64_t *body_out,
			      struct mg_err *err)
{
	struct mg_span s;
	uint64_t size = r->w->source->size;
	if (e->header > size || size - e->header < LOCAL_SIZE)
		return refuse(err, e, "its local header lies outside the file");
	enum mg_code rc = zipsource_get(r->w, e->header, LOCAL_SIZE, &s, err);
	if (rc != MG_OK) return rc;
	if (zipsource_u32(s.p) != LOCAL_SIGNATURE) return refuse(err, e, "no local header");
	*body_out = e->header + LOCAL_SIZE + zipsource_u16(s.p + 26) + zipsource_u16(s.p + 28);
	return MG_OK;
}

/* What is known of an entry while it is unpacked. */
struct unpacking {
	const struct zipdir_entry *entry;
	void (*sink)(void *arg, struct mg_span bytes);
	void *arg;
	uint64_t size;
	uLong crc;
};

/* False once there is more than declared. */
static bool take(struct unpacking *u, struct mg_span bytes)
{
	if (bytes.n > u->entry->size - u->size) return false;
	u->size += bytes.n;
	u->crc = crc32(u->crc, (const Bytef *)bytes.p, (uInt)bytes.n);
	u->sink(u->arg, bytes);
	return true;
}

/* The next piece of the packed data between *at and end; moves *at. */
static enum mg_code next_piece(struct zipreader *r, uint64_t *at, uint64_t end,
			       struct mg_span *piece, struct mg_err *err)
{
	*piece = (struct mg_span){ 0 };
	if (*at == end) return MG_OK;
	enum mg_code rc = zipsource_get(r->w, *at, 1, piece, err);
	if (rc != MG_OK) return rc;
	if (piece->n > end - *at) piece->n = (size_t)(end - *at);
	*at += piece->n;
	return MG_OK;
}

static enum mg_code unpack_stored(struct zipreader *r, uint64_t at, struct unpacking *u,
				  struct mg_err *err)
{
	uint64_t end = at + u->entry->packed;
	for (;;) {
		struct mg_span piece;
		enum mg_code rc = next_piece(r, &at, end, &piece, err);
		if (rc != MG_OK || piece.n == 0) return rc;
		if (!take(u, piece)) return refuse(err, u->entry, "it is larger than declared");
	}
}

/* RFC 1951. Bytes behind the last block are ignored, as Go ignores them. */
static enum mg_code unpack_deflated(struct zipreader *r, uint64_t at, struct unpacking *u,
				    struct mg_err *err)
{
	uint64_t end = at + u->entry->packed;
	z_stream *z = &r->inflater;
	int state = inflateReset(z);
	MG_ASSERT(state == Z_OK);
	z->avail_in = 0;
	while (state != Z_STREAM_END) {
		if (z->avail_in == 0) {
			struct mg_span piece;
			enum mg_code rc = next_piece(r, &at, end, &piece, err);
			if (rc != MG_OK) return rc;
			if (piece.n == 0) return refuse(err, u->entry, "its data ends too early");
			z->next_in = (Bytef *)(uintptr_t)piece.p;
			z->avail_in = (uInt)piece.n;
		}
		/* All that one piece gives, before the next one takes its place in the window. */
		do {
			z->next_out = r->out;
			z->avail_out = OUT_SIZE;
			state = inflate(z, Z_NO_FLUSH);
			if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
				return refuse(err, u->entry, "its compressed data is malformed");
			if (!take(u, span_make(r->out, OUT_SIZE - z->avail_out)))
				return refuse(err, u->entry, "it is larger than declared");
		} while (state != Z_STREAM_END && z->avail_out == 0);
	}
	return MG_OK;
}

/* descriptor = [signature] crc32 …; the sizes behind it come in two widths, and are not read. */
static enum mg_code check_descriptor(struct zipreader *r, const struct zipdir_entry *e, uint64_t at,
				     uint64_t *end_out, struct mg_err *err)
{
	struct mg_span s = { 0 };
	uint64_t left = r->w->source->size - at;
	if (left >= 12) {
		enum mg_code rc = zipsource_get(r->w, at, left < 16 ? 12 : 16, &s, err);
		if (rc != MG_OK) return rc;
	}
	bool is_signed = s.n >= 4 && zipsource_u32(s.p) == DESCRIPTOR_SIGNATURE;
	size_t n = is_signed ? 16 : 12;
	if (s.n < n) return refuse(err, e, "its data descriptor is cut short");
	if (zipsource_u32(s.p + (is_signed ? 4 : 0)) != e->crc)
		return refuse(err, e, "its data descriptor contradicts the directory");
	*end_out = at + n;
	return MG_OK;
}

enum mg_code zipreader_unpack(struct zipreader *r, const struct zipdir_entry *e, uint64_t body,
			      void (*sink)(void *arg, struct mg_span bytes), void *arg,
			      uint64_t *end_out, struct mg_err *err)
{
	uint64_t size = r->w->source->size;
	struct unpacking u = { .entry = e, .sink = sink, .arg = arg };
	enum mg_code rc;
	MG_ASSERT(body <= size && e->packed <= size - body);
	u.crc = crc32(0, NULL, 0);
	if (e->method == METHOD_STORED)
		rc = unpack_stored(r, body, &u, err);
	else if (e->method == METHOD_DEFLATED)
		rc = unpack_deflated(r, body, &u, err);
	else
		return refuse(err, e, "its compression method is neither stored nor deflated");
	if (rc != MG_OK) return rc;
	if (u.size != e->size) return refuse(err, e, "it is smaller than declared");
	*end_out = body + e->packed;
	if (e->has_descriptor) {
		rc = check_descriptor(r, e, *end_out, end_out, err);
		if (rc != MG_OK) return rc;
	} else if (e->crc == 0) {
		return MG_OK; /* Go takes 0 for "not set" */
	}
	return u.crc == e->crc ? MG_OK : refuse(err, e, "its CRC is wrong");
}
