/* SPDX-License-Identifier: Apache-2.0 */
/* Zips made up for tests: correct ones, and such as lie. */
#ifndef GOMOD_MODZIP_FIXTURE_H
#define GOMOD_MODZIP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "gomod/modzip.h"

#define PATH    "example.com/hello"
#define VERSION "v1.0.0"
#define PREFIX  PATH "@" VERSION "/"

/* How one entry is written; zeros mean a plain, correct one. */
struct entry {
	const char *name; /* with prefix */
	struct mg_span content;
	bool deflate;
	int descriptor; /* 1: unsigned, 2: signed, 3: signed with a wrong CRC */
	bool zip64;     /* sizes and offset in the extra field */
	bool no_crc;    /* directory says 0 */
	uint32_t add_crc, add_size, add_packed, add_offset; /* lies of the directory */
	uint16_t method;                                    /* instead of 0 or 8 */
	uint16_t flags;
	size_t cut; /* bytes missing at the end of the packed data */
};

/* How the end is written. */
struct ending {
	const char *comment;
	bool zip64;
	uint16_t add_records;
	uint32_t add_size, add_offset;
};

static inline void put16(struct mg_buf *b, uint64_t v)
{
	buf_append_char(b, (char)v);
	buf_append_char(b, (char)(v >> 8));
}

static inline void put32(struct mg_buf *b, uint64_t v)
{
	put16(b, v);
	put16(b, v >> 16);
}

static inline void put64(struct mg_buf *b, uint64_t v)
{
	put32(b, v);
	put32(b, v >> 32);
}

static inline void deflate_into(struct mg_span s, struct mg_buf *out)
{
	z_stream z = { 0 };
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	size_t n = deflateBound(&z, s.n);
	char *p = buf_reserve(out, n);
	assert_non_null(p);
	z.next_in = (Bytef *)(uintptr_t)s.p;
	z.avail_in = (uInt)s.n;
	z.next_out = (Bytef *)p;
	z.avail_out = (uInt)n;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->n += n - z.avail_out;
	deflateEnd(&z);
}

static inline void write_entry(const struct entry *e, struct mg_buf *zip, struct mg_buf *dir)
{
	struct mg_buf packed = BUF_MAX(64u << 20);
	uint64_t offset = zip->n;
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)e->content.p, (uInt)e->content.n);
	uint16_t method = e->method ? e->method : e->deflate ? 8 : 0;
	uint16_t flags = (uint16_t)(e->flags | (e->descriptor ? 8 : 0));
	size_t name_n = strlen(e->name);
	if (e->deflate)
		deflate_into(e->content, &packed);
	else
		buf_append(&packed, e->content);
	packed.n -= e->cut;
	put32(zip, 0x04034b50);
	put16(zip, 20);
	put16(zip, flags);
	put16(zip, method);
	put32(zip, 0);
	put32(zip, crc);
	put32(zip, packed.n);
	put32(zip, e->content.n);
	put16(zip, name_n);
	put16(zip, 0);
	buf_append_str(zip, e->name);
	buf_append(zip, buf_span(&packed));
	if (e->descriptor) {
		if (e->descriptor > 1) put32(zip, 0x08074b50);
		put32(zip, crc + (e->descriptor == 3));
		put32(zip, packed.n);
		put32(zip, e->content.n);
	}
	uint64_t size = e->content.n + e->add_size, packed_n = packed.n + e->add_packed;
	offset += e->add_offset;
	put32(dir, 0x02014b50);
	put16(dir, 20);
	put16(dir, 20);
	put16(dir, flags);
	put16(dir, method);
	put32(dir, 0);
	put32(dir, e->no_crc ? 0 : crc + e->add_crc);
	put32(dir, e->zip64 ? UINT32_MAX : packed_n);
	put32(dir, e->zip64 ? UINT32_MAX : size);
	put16(dir, name_n);
	put16(dir, e->zip64 ? 5 + 28 : 0);
	put16(dir, 0);
	put32(dir, 0);
	put32(dir, 0);
	put32(dir, e->zip64 ? UINT32_MAX : offset);
	buf_append_str(dir, e->name);
	if (e->zip64) {
		put16(dir, 0xcafe); /* another field first */
		put16(dir, 1);
		buf_append_char(dir, 'x');
		put16(dir, 1);
		put16(dir, 24);
		put64(dir, size);
		put64(dir, packed_n);
		put64(dir, offset);
	}
	buf_deinit(&packed);
}

static inline void write_zip(const struct entry *entries, size_t n, struct ending end,
			     struct mg_buf *zip)
{
	struct mg_buf dir = BUF_MAX(64u << 20);
	size_t before = zip->n;
	for (size_t i = 0; i < n; i++)
		write_entry(&entries[i], zip, &dir);
	uint64_t at = zip->n - before, size = dir.n;
	buf_append(zip, buf_span(&dir));
	if (end.zip64) {
		uint64_t end64 = zip->n;
		put32(zip, 0x06064b50);
		put64(zip, 44);
		put32(zip, 0);
		put64(zip, 0);
		put64(zip, n);
		put64(zip, n + end.add_records);
		put64(zip, size + end.add_size);
		put64(zip, at + end.add_offset);
		put32(zip, 0x07064b50);
		put32(zip, 0);
		put64(zip, end64);
		put32(zip, 1);
	}
	put32(zip, 0x06054b50);
	put32(zip, 0);
	put16(zip, n);
	put16(zip, end.zip64 ? 0xffff : n + end.add_records);
	put32(zip, end.zip64 ? UINT32_MAX : size + end.add_size);
	put32(zip, end.zip64 ? UINT32_MAX : at + end.add_offset);
	put16(zip, end.comment != NULL ? strlen(end.comment) : 0);
	if (end.comment != NULL) buf_append_str(zip, end.comment);
	buf_deinit(&dir);
	assert_false(buf_failed(zip));
}

static inline enum mg_code read_memory(void *arg, uint64_t offset, void *out, size_t n,
				       struct mg_err *err)
{
	const struct mg_span *bytes = arg;
	MG_ASSERT(offset <= bytes->n && n <= bytes->n - offset && n > 0);
	memcpy(out, bytes->p + offset, n);
	return MG_OK;
}

static inline enum mg_code check_bytes(struct mg_span bytes, struct mg_buf *gomod,
				       struct modzip_report *report, struct mg_err *err)
{
	struct zipsource source = { .read_at = read_memory, .arg = &bytes, .size = bytes.n };
	return modzip_check(&source, SPAN(PATH), SPAN(VERSION), gomod, report, err);
}

/* Expects text in the error, or success when it is NULL. */
static inline void expect(const struct entry *entries, size_t n, struct ending end,
			  const char *text)
{
	struct mg_buf zip = BUF_MAX(64u << 20);
	struct modzip_report report;
	struct mg_err err = { 0 };
	write_zip(entries, n, end, &zip);
	enum mg_code rc = check_bytes(buf_span(&zip), NULL, &report, &err);
	if (text == NULL) {
		if (rc != MG_OK) print_error("%s\n", err.text);
		assert_int_equal(rc, MG_OK);
		assert_int_equal(report.entries, n);
	} else {
		assert_int_equal(rc, MG_CORRUPT);
		if (strstr(err.text, text) == NULL) print_error("%s\n", err.text);
		assert_non_null(strstr(err.text, text));
	}
	buf_deinit(&zip);
}

#define GOMOD                                                                                      \
	((struct entry){ .name = PREFIX "go.mod", .content = SPAN("module " PATH "\n\ngo 1.21\n") })
#define HELLO ((struct entry){ .name = PREFIX "hello.go", .content = SPAN("package hello\n") })
#define ONE   ((struct entry){ .name = "example.com/hello@v1.0.0/d/a", .content = SPAN("x") })
#define PLAIN ((struct ending){ 0 })

#endif
