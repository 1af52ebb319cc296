/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/zipwriter.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "gomod/modpath.h"
#include "gomod/modzip.h"
#include "gomod/zipdir.h"

#define LOCAL_SIGNATURE      0x04034b50u
#define DESCRIPTOR_SIGNATURE 0x08074b50u
#define ENTRY_SIGNATURE      0x02014b50u
#define END64_SIGNATURE      0x06064b50u
#define LOCATOR64_SIGNATURE  0x07064b50u
#define END_SIGNATURE        0x06054b50u
#define LOCAL_SIZE           30
#define ENTRY_SIZE           46
#define ENDS_SIZE            (56 + 20 + 22)

#define METHOD_STORED   0
#define METHOD_DEFLATED 8
#define FLAG_DESCRIPTOR 0x0008
#define FLAG_UTF8       0x0800
#define DATE_1980_01_01 0x0021

/* Git unpacks its objects on another core meanwhile, so packing is what one waits for: level 6 makes the zip of Go's
 * own sources 12 % smaller, in 2.2 times the time. */
#define LEVEL 1
/* Up to here a file is packed in memory and its header tells its sizes; a larger one has them behind it. */
#define WHOLE_MAX 262144
/* Less than that is not worth packing. */
#define WHOLE_MIN  64
#define CHUNK_SIZE 65536

struct entry {
	struct mg_span name; /* with "PATH@VERSION/" */
	uint8_t sha256[SHA256_SIZE];
	uint64_t offset, packed, size;
	uint32_t crc;
	uint16_t method, flags;
};

struct zipwriter {
	struct zipwriter_sink sink;
	struct mg_buf prefix; /* "PATH@VERSION/" */
	struct entry *entries;
	size_t n, cap;
	struct arena names;
	uint64_t name_bytes, unpacked;
	z_stream deflater;
	struct mg_buf out; /* not given to the sink yet */
	uint64_t offset;   /* of what is appended to out next */
	/* The entry that is being written, the last one. */
	bool is_open;
	uint64_t missing;
	struct sha256 sha256;
	struct mg_buf whole; /* its content so far, up to WHOLE_MAX */
};

enum mg_code zipwriter_new(const struct zipwriter_sink *sink, struct mg_span path,
			   struct mg_span version, struct zipwriter **out, struct mg_err *err)
{
	const enum mg_code rc = modpath_check_version(path, version, err);
	if (rc != MG_OK) return rc;
	struct zipwriter *w = check_calloc(1, sizeof *w);
	w->sink = *sink;
	w->prefix = BUF_MAX(path.n + version.n + 2);
	buf_append(&w->prefix, path);
	buf_append_char(&w->prefix, '@');
	buf_append(&w->prefix, version);
	buf_append_char(&w->prefix, '/');
	w->out = BUF_MAX(2 * (WHOLE_MAX + CHUNK_SIZE));
	w->whole = BUF_MAX(WHOLE_MAX);
	/* Negative: raw deflate with the full window. Its only failure is lack of memory. */
	MG_ASSERT(deflateInit2(&w->deflater, LEVEL, Z_DEFLATED, -MAX_WBITS, 8,
			       Z_DEFAULT_STRATEGY) == Z_OK);
	*out = w;
	return MG_OK;
}

void zipwriter_free(struct zipwriter **w)
{
	if (*w == NULL) return;
	deflateEnd(&(*w)->deflater);
	sha256_deinit(&(*w)->sha256);
	buf_deinit(&(*w)->prefix);
	buf_deinit(&(*w)->out);
	buf_deinit(&(*w)->whole);
	arena_deinit(&(*w)->names);
	free((*w)->entries);
	free(*w);
	*w = NULL;
}

static enum mg_code refuse(struct mg_err *err, struct mg_span name, const char *why)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "no module zip can be made of it: %.*s: %s",
		       SPAN_ARG(span_first(name, 200)), why);
}

/* Little-endian numbers (APPNOTE.TXT §4.3). */
static void put16(struct zipwriter *w, uint64_t v)
{
	buf_append_char(&w->out, (char)v);
	buf_append_char(&w->out, (char)(v >> 8));
	w->offset += 2;
}

static void put32(struct zipwriter *w, uint64_t v)
{
	put16(w, v);
	put16(w, v >> 16);
}

static void put64(struct zipwriter *w, uint64_t v)
{
	put32(w, v);
	put32(w, v >> 32);
}

static void put(struct zipwriter *w, struct mg_span bytes)
{
	buf_append(&w->out, bytes);
	w->offset += bytes.n;
}

static enum mg_code flush(struct zipwriter *w, size_t least, struct mg_err *err)
{
	MG_ASSERT(!buf_failed(&w->out));
	if (w->out.n < least || w->out.n == 0) return MG_OK;
	const enum mg_code rc = w->sink.write(w->sink.arg, buf_span(&w->out), err);
	buf_clear(&w->out);
	return rc;
}

/* §4.3.7 and §4.3.12 have this stretch in common. */
static void put_common(struct zipwriter *w, const struct entry *e, bool sizes_known)
{
	put16(w, 20); /* version needed: deflate */
	put16(w, e->flags);
	put16(w, e->method);
	put16(w, 0);
	put16(w, DATE_1980_01_01);
	put32(w, sizes_known ? e->crc : 0);
	put32(w, sizes_known ? e->packed : 0);
	put32(w, sizes_known ? e->size : 0);
	put16(w, e->name.n);
	put16(w, 0); /* extra fields */
}

static void put_local(struct zipwriter *w, struct entry *e)
{
	e->offset = w->offset;
	put32(w, LOCAL_SIGNATURE);
	put_common(w, e, (e->flags & FLAG_DESCRIPTOR) == 0);
	put(w, e->name);
}

static const char *size_fault(struct zipwriter *w, struct mg_span name, uint64_t size)
{
	if (size > MODZIP_MAX - w->unpacked)
		return "all files together are larger than 524288000 bytes";
	const bool special = span_eq(name, SPAN("go.mod")) || span_eq(name, SPAN("LICENSE"));
	return special && size > MODZIP_SPECIAL_MAX ? "larger than 16777216 bytes" : NULL;
}

static struct entry *add_entry(struct zipwriter *w)
{
	if (w->n == w->cap) {
		w->cap = w->cap == 0 ? 64 : 2 * w->cap;
		w->entries = check_realloc(w->entries, w->cap * sizeof *w->entries);
	}
	struct entry *e = &w->entries[w->n++];
	*e = (struct entry){ 0 };
	return e;
}

/* What there is room for until the directory, whose size is known, has to begin. */
static enum mg_code check_end(struct zipwriter *w, struct mg_err *err)
{
	const uint64_t end = w->offset + w->n * ENTRY_SIZE + w->name_bytes + ENDS_SIZE;
	if (end <= MODZIP_MAX) return MG_OK;
	return refuse(err, w->entries[w->n - 1].name,
		      "with it the zip is larger than 524288000 bytes");
}

static enum mg_code close_entry(struct zipwriter *w, struct mg_err *err)
{
	sha256_final(&w->sha256, w->entries[w->n - 1].sha256);
	w->is_open = false;
	const enum mg_code rc = check_end(w, err);
	return rc != MG_OK ? rc : flush(w, CHUNK_SIZE, err);
}

/* A file that is there as a whole: packed behind the place of its header, which then tells how it went. */
static enum mg_code write_whole(struct zipwriter *w, struct mg_span content, struct mg_err *err)
{
	struct entry *e = &w->entries[w->n - 1];
	z_stream *z = &w->deflater;
	sha256_update(&w->sha256, content);
	e->crc = (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)content.p, (uInt)content.n);
	char *room = buf_reserve(&w->out, LOCAL_SIZE + e->name.n + content.n + 1);
	MG_ASSERT(room != NULL && deflateReset(z) == Z_OK);
	z->next_in = (Bytef *)(uintptr_t)content.p;
	z->avail_in = (uInt)content.n;
	z->next_out = (Bytef *)room + LOCAL_SIZE + e->name.n;
	z->avail_out = (uInt)content.n;
	if (content.n >= WHOLE_MIN && deflate(z, Z_FINISH) == Z_STREAM_END && z->avail_out > 0) {
		e->method = METHOD_DEFLATED;
		e->packed = content.n - z->avail_out;
		put_local(w, e);
		w->out.n += e->packed;
		w->offset += e->packed;
	} else {
		e->packed = content.n;
		put_local(w, e);
		put(w, content);
	}
	return close_entry(w, err);
}

/* Packs bytes of a large file; the last of them end it. */
static enum mg_code write_part(struct zipwriter *w, struct mg_span bytes, struct mg_err *err)
{
	struct entry *e = &w->entries[w->n - 1];
	z_stream *z = &w->deflater;
	int state = Z_OK;
	sha256_update(&w->sha256, bytes);
	e->crc = (uint32_t)crc32(e->crc, (const Bytef *)bytes.p, (uInt)bytes.n);
	z->next_in = (Bytef *)(uintptr_t)bytes.p;
	z->avail_in = (uInt)bytes.n;
	do {
		char *room = buf_reserve(&w->out, CHUNK_SIZE);
		MG_ASSERT(room != NULL);
		z->next_out = (Bytef *)room;
		z->avail_out = CHUNK_SIZE;
		state = deflate(z, w->missing == 0 ? Z_FINISH : Z_NO_FLUSH);
		MG_ASSERT(state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR);
		const size_t n = CHUNK_SIZE - z->avail_out;
		w->out.n += n;
		w->offset += n;
		e->packed += n;
		enum mg_code rc = check_end(w, err);
		if (rc == MG_OK) rc = flush(w, CHUNK_SIZE, err);
		if (rc != MG_OK) return rc;
	} while (z->avail_out == 0);
	if (w->missing > 0) return MG_OK;
	MG_ASSERT(state == Z_STREAM_END);
	put32(w, DESCRIPTOR_SIGNATURE);
	put32(w, e->crc);
	put32(w, e->packed);
	put32(w, e->size);
	return close_entry(w, err);
}

static bool is_ascii(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80) return false;
	return true;
}

enum mg_code zipwriter_begin(struct zipwriter *w, struct mg_span name, uint64_t size,
			     struct mg_err *err)
{
	MG_ASSERT(!w->is_open);
	const char *fault = size_fault(w, name, size);
	if (fault != NULL) return refuse(err, name, fault);
	if (w->prefix.n + name.n > MODZIP_NAME_MAX)
		return refuse(err, name, "its name is too long");
	if (w->n == ZIPDIR_ENTRIES_MAX || w->name_bytes + w->prefix.n + name.n > ZIPDIR_NAMES_MAX)
		return refuse(err, name, "too many files");
	struct entry *e = add_entry(w);
	char *full = arena_alloc(&w->names, w->prefix.n + name.n);
	memcpy(full, w->prefix.p, w->prefix.n);
	if (name.n > 0) memcpy(full + w->prefix.n, name.p, name.n);
	e->name = span_make(full, w->prefix.n + name.n);
	e->size = size;
	e->flags = is_ascii(e->name) ? 0 : FLAG_UTF8;
	w->name_bytes += e->name.n;
	w->unpacked += size;
	w->is_open = true;
	w->missing = size;
	sha256_init(&w->sha256);
	buf_clear(&w->whole);
	if (size == 0) return write_whole(w, SPAN(""), err);
	if (size <= WHOLE_MAX) return MG_OK;
	e->crc = (uint32_t)crc32(0, NULL, 0);
	e->flags |= FLAG_DESCRIPTOR;
	e->method = METHOD_DEFLATED;
	put_local(w, e);
	MG_ASSERT(deflateReset(&w->deflater) == Z_OK);
	return MG_OK;
}

enum mg_code zipwriter_write(struct zipwriter *w, struct mg_span bytes, struct mg_err *err)
{
	if (bytes.n == 0) return MG_OK;
	MG_ASSERT(w->is_open && bytes.n <= w->missing);
	w->missing -= bytes.n;
	if (w->entries[w->n - 1].size > WHOLE_MAX) return write_part(w, bytes, err);
	if (w->missing == 0 && w->whole.n == 0) return write_whole(w, bytes, err);
	MG_ASSERT(buf_append(&w->whole, bytes));
	return w->missing == 0 ? write_whole(w, buf_span(&w->whole), err) : MG_OK;
}

/* §4.3.14–16: the wide records only when the count does not fit into the narrow one. */
static void put_end(struct zipwriter *w, uint64_t directory)
{
	const uint64_t size = w->offset - directory, end64 = w->offset;
	const bool wide = w->n >= UINT16_MAX;
	if (wide) {
		put32(w, END64_SIGNATURE);
		put64(w, 44);
		put16(w, 45);
		put16(w, 45);
		put32(w, 0);
		put32(w, 0);
		put64(w, w->n);
		put64(w, w->n);
		put64(w, size);
		put64(w, directory);
		put32(w, LOCATOR64_SIGNATURE);
		put32(w, 0);
		put64(w, end64);
		put32(w, 1);
	}
	put32(w, END_SIGNATURE);
	put32(w, 0);
	put16(w, wide ? UINT16_MAX : w->n);
	put16(w, wide ? UINT16_MAX : w->n);
	put32(w, size);
	put32(w, directory);
	put16(w, 0);
}

static void hash(const struct zipwriter *w, char h1[DIRHASH_SIZE])
{
	struct dirhash_file *files = check_calloc(w->n + 1, sizeof *files);
	for (size_t i = 0; i < w->n; i++) {
		files[i].name = w->entries[i].name;
		memcpy(files[i].sha256, w->entries[i].sha256, SHA256_SIZE);
	}
	MG_ASSERT(
		dirhash_files(files, w->n, h1)); /* no name that zipselect takes has a line feed */
	free(files);
}

enum mg_code zipwriter_end(struct zipwriter *w, char h1[DIRHASH_SIZE], struct mg_err *err)
{
	MG_ASSERT(!w->is_open);
	const uint64_t directory = w->offset;
	for (size_t i = 0; i < w->n; i++) {
		const struct entry *e = &w->entries[i];
		put32(w, ENTRY_SIGNATURE);
		put16(w, 20); /* made by */
		put_common(w, e, true);
		put16(w, 0); /* comment, disk, attributes */
		put16(w, 0);
		put16(w, 0);
		put32(w, 0);
		put32(w, e->offset);
		put(w, e->name);
		const enum mg_code rc = flush(w, CHUNK_SIZE, err);
		if (rc != MG_OK) return rc;
	}
	put_end(w, directory);
	hash(w, h1);
	return flush(w, 0, err);
}
