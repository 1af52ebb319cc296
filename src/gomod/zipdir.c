/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/zipdir.h"

#include <stdlib.h>

#include "base/check.h"

#define END_SIGNATURE       0x06054b50u
#define END64_SIGNATURE     0x06064b50u
#define LOCATOR64_SIGNATURE 0x07064b50u
#define HEADER_SIGNATURE    0x02014b50u
#define END_SIZE            22
#define END64_SIZE          56
#define LOCATOR64_SIZE      20
#define HEADER_SIZE         46
#define END_SEARCH          (65 * 1024)
#define ZIP64_EXTRA         0x0001

static enum mg_code refuse(struct mg_err *err, const char *why)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM, "not a valid zip file: %s", why);
}

/* What the end record says. */
struct end {
	uint64_t at;
	uint64_t records, size, offset;
};

/* The last end record whose comment fits; Go looks in the last 1 KiB, then in the last 65 KiB, and
 * stops at the first signature from the back. */
static bool find_end(struct mg_span tail, size_t *at)
{
	for (size_t i = tail.n < END_SIZE ? 0 : tail.n - END_SIZE + 1; i-- > 0;) {
		if (zipsource_u32(tail.p + i) != END_SIGNATURE) continue;
		*at = i;
		return zipsource_u16(tail.p + i + 20) <= tail.n - i - END_SIZE;
	}
	return false;
}

static enum mg_code read_end(const struct zipsource *source, struct end *out, struct mg_err *err)
{
	static const size_t stretches[] = { 1024, END_SEARCH };
	char *buf = check_malloc(END_SEARCH);
	enum mg_code rc = MG_OK;
	bool found = false;
	for (size_t i = 0; i < 2 && !found && rc == MG_OK; i++) {
		size_t n = source->size < stretches[i] ? (size_t)source->size : stretches[i], at;
		uint64_t from = source->size - n;
		if (n > 0) rc = source->read_at(source->arg, from, buf, n, err);
		if (rc != MG_OK || !find_end(span_make(buf, n), &at)) continue;
		found = true;
		*out = (struct end){
			.at = from + at,
			.records = zipsource_u16(buf + at + 10),
			.size = zipsource_u32(buf + at + 12),
			.offset = zipsource_u32(buf + at + 16),
		};
	}
	free(buf);
	if (rc != MG_OK) return rc;
	return found ? MG_OK : refuse(err, "no end record");
}

/* The end record of Zip64, when the small one is full (the 0xffff of the size is Go's). */
static enum mg_code read_end64(struct zipsource_window *w, struct end *end, struct mg_err *err)
{
	struct mg_span s;
	enum mg_code rc;
	if (end->records != 0xffff && end->size != 0xffff && end->offset != 0xffffffff)
		return MG_OK;
	if (end->at < LOCATOR64_SIZE) return MG_OK;
	if ((rc = zipsource_get(w, end->at - LOCATOR64_SIZE, LOCATOR64_SIZE, &s, err)) != MG_OK)
		return rc;
	/* One disk, and the record on it; otherwise the small record stands. */
	if (zipsource_u32(s.p) != LOCATOR64_SIGNATURE || zipsource_u32(s.p + 4) != 0 ||
	    zipsource_u32(s.p + 16) != 1)
		return MG_OK;
	uint64_t at = zipsource_u64(s.p + 8), size = w->source->size;
	if (at > INT64_MAX) return MG_OK;
	if (at > size || size - at < END64_SIZE) return refuse(err, "Zip64 end record is missing");
	if ((rc = zipsource_get(w, at, END64_SIZE, &s, err)) != MG_OK) return rc;
	if (zipsource_u32(s.p) != END64_SIGNATURE)
		return refuse(err, "Zip64 end record is missing");
	*end = (struct end){
		.at = at,
		.records = zipsource_u64(s.p + 32),
		.size = zipsource_u64(s.p + 40),
		.offset = zipsource_u64(s.p + 48),
	};
	return MG_OK;
}

enum outcome {
	HEADER_READ,
	HEADER_NONE, /* no header here, or a broken one: the directory ends */
	HEADER_EOF, /* the file ends exactly before a header or its name: Go refuses the whole zip */
	HEADER_FAILED,
};

/* Extra fields (§4.5.3): 64-bit values for those that are full in the header. False when one of them
 * is cut short, or the packed size or offset is full and has none. */
static bool read_extra(struct mg_span extra, struct zipdir_entry *e)
{
	bool size = e->size == UINT32_MAX, packed = e->packed == UINT32_MAX,
	     header = e->header == UINT32_MAX;
	while (extra.n >= 4) {
		uint16_t tag = zipsource_u16(extra.p);
		size_t n = zipsource_u16(extra.p + 2);
		extra = span_from(extra, 4);
		if (extra.n < n) break;
		struct mg_span field = span_first(extra, n);
		extra = span_from(extra, n);
		if (tag != ZIP64_EXTRA) continue;
		struct {
			bool *wanted;
			uint64_t *value;
		} slots[] = { { &size, &e->size },
			      { &packed, &e->packed },
			      { &header, &e->header } };
		for (size_t i = 0; i < 3; i++) {
			if (!*slots[i].wanted) continue;
			if (field.n < 8) return false;
			*slots[i].wanted = false;
			*slots[i].value = zipsource_u64(field.p);
			field = span_from(field, 8);
		}
	}
	return !packed && !header;
}

/* Reads the header at *at and moves *at behind it. name: where to keep its name, or NULL. */
static enum outcome read_header(struct zipsource_window *w, uint64_t *at, struct arena *names,
				struct zipdir_entry *out, struct mg_err *err)
{
	uint64_t left = w->source->size - *at;
	struct mg_span s;
	if (left == 0) return HEADER_EOF;
	if (left < HEADER_SIZE) return HEADER_NONE;
	if (zipsource_get(w, *at, HEADER_SIZE, &s, err) != MG_OK) return HEADER_FAILED;
	if (zipsource_u32(s.p) != HEADER_SIGNATURE) return HEADER_NONE;
	size_t name_n = zipsource_u16(s.p + 28), extra_n = zipsource_u16(s.p + 30),
	       comment_n = zipsource_u16(s.p + 32), tail_n = name_n + extra_n + comment_n;
	struct zipdir_entry e = {
		.method = zipsource_u16(s.p + 10),
		.has_descriptor = (zipsource_u16(s.p + 8) & 0x8) != 0,
		.crc = zipsource_u32(s.p + 16),
		.packed = zipsource_u32(s.p + 20),
		.size = zipsource_u32(s.p + 24),
		.header = zipsource_u32(s.p + 42),
	};
	left -= HEADER_SIZE;
	if (tail_n > 0 && left == 0) return HEADER_EOF;
	if (tail_n > left) return HEADER_NONE;
	*at += HEADER_SIZE;
	if (zipsource_get(w, *at, name_n, &s, err) != MG_OK) return HEADER_FAILED;
	if (names != NULL) e.name = arena_dup(names, span_first(s, name_n));
	if (zipsource_get(w, *at + name_n, extra_n, &s, err) != MG_OK) return HEADER_FAILED;
	if (!read_extra(span_first(s, extra_n), &e)) return HEADER_NONE;
	*at += tail_n;
	*out = e;
	return HEADER_READ;
}

/* Data before the zip shifts all offsets by *base, unless the directory is found where the end record
 * says without a shift. */
static enum mg_code find_base(struct zipsource_window *w, const struct end *end, uint64_t *base,
			      struct mg_err *err)
{
	if (end->size > INT64_MAX || end->offset > INT64_MAX || end->size > end->at)
		return refuse(err, "the directory lies outside the file");
	*base = end->at - end->size - end->offset;
	if (*base == 0 || *base > INT64_MAX || end->offset > w->source->size) return MG_OK;
	struct zipdir_entry e;
	uint64_t at = end->offset;
	enum outcome o = read_header(w, &at, NULL, &e, err);
	if (o == HEADER_FAILED) return err->code;
	if (o == HEADER_READ) *base = 0;
	return MG_OK;
}

static void append(struct zipdir *d, const struct zipdir_entry *e)
{
	if (d->n == d->cap) {
		d->cap = d->cap == 0 ? 256 : 2 * d->cap;
		d->entries = check_realloc(d->entries, d->cap * sizeof *d->entries);
	}
	d->entries[d->n++] = *e;
	d->name_bytes += e->name.n;
}

/* Reads headers to the first thing that is none; the count in the end record holds 16 bits only, so
 * no more of it is compared. */
static enum mg_code read_headers(struct zipsource_window *w, uint64_t base, uint64_t records,
				 struct zipdir *d, struct mg_err *err)
{
	uint64_t at = d->offset;
	for (;;) {
		struct zipdir_entry e;
		switch (read_header(w, &at, &d->arena, &e, err)) {
		case HEADER_FAILED:
			return err->code;
		case HEADER_EOF:
			return refuse(err, "the directory is cut short");
		case HEADER_NONE:
			if ((uint16_t)d->n == (uint16_t)records) return MG_OK;
			return refuse(err, "the directory has fewer or more entries than it says");
		case HEADER_READ:
			break;
		}
		if (d->n == ZIPDIR_ENTRIES_MAX) return refuse(err, "too many entries");
		if (d->name_bytes + e.name.n > ZIPDIR_NAMES_MAX)
			return refuse(err, "the entries' names are too long");
		e.header += base;
		append(d, &e);
	}
}

enum mg_code zipdir_read(struct zipsource_window *w, struct zipdir *out, struct mg_err *err)
{
	struct mg_err own;
	struct end end = { 0 };
	uint64_t base;
	enum mg_code rc;
	if (err == NULL) err = &own;
	if ((rc = read_end(w->source, &end, err)) != MG_OK) return rc;
	if ((rc = read_end64(w, &end, err)) != MG_OK) return rc;
	if ((rc = find_base(w, &end, &base, err)) != MG_OK) return rc;
	out->offset = base + end.offset;
	return read_headers(w, base, end.records, out, err);
}

void zipdir_deinit(struct zipdir *d)
{
	free(d->entries);
	arena_deinit(&d->arena);
	*d = ZIPDIR_INIT;
}
