/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/check.h"

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

static void put16(struct mg_buf *b, uint64_t v)
{
	buf_append_char(b, (char)v);
	buf_append_char(b, (char)(v >> 8));
}

static void put32(struct mg_buf *b, uint64_t v)
{
	put16(b, v);
	put16(b, v >> 16);
}

static void put64(struct mg_buf *b, uint64_t v)
{
	put32(b, v);
	put32(b, v >> 32);
}

static void deflate_into(struct mg_span s, struct mg_buf *out)
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

static void write_entry(const struct entry *e, struct mg_buf *zip, struct mg_buf *dir)
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

static void write_zip(const struct entry *entries, size_t n, struct ending end, struct mg_buf *zip)
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

static enum mg_code read_memory(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	const struct mg_span *bytes = arg;
	MG_ASSERT(offset <= bytes->n && n <= bytes->n - offset && n > 0);
	memcpy(out, bytes->p + offset, n);
	return MG_OK;
}

static enum mg_code check_bytes(struct mg_span bytes, struct mg_buf *gomod,
				struct modzip_report *report, struct mg_err *err)
{
	struct zipsource source = { .read_at = read_memory, .arg = &bytes, .size = bytes.n };
	return modzip_check(&source, SPAN(PATH), SPAN(VERSION), gomod, report, err);
}

/* Expects text in the error, or success when it is NULL. */
static void expect(const struct entry *entries, size_t n, struct ending end, const char *text)
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

static void vector_hello(void **state)
{
	struct mg_buf zip = BUF_MAX(1 << 20), gomod = BUF_MAX(MODZIP_SPECIAL_MAX);
	struct entry entries[] = { HELLO, GOMOD };
	struct modzip_report report;
	entries[0].deflate = true;
	entries[0].descriptor = 2;
	write_zip(entries, 2, PLAIN, &zip);
	assert_int_equal(check_bytes(buf_span(&zip), &gomod, &report, NULL), MG_OK);
	assert_string_equal(report.h1, "h1:pKFu5tHfljqp2Zr9PLlh8XHdPpeGCCxqljPAeAdak0c=");
	assert_true(report.has_gomod);
	assert_true(span_eq(buf_span(&gomod), GOMOD.content));
	assert_int_equal(report.unpacked, GOMOD.content.n + HELLO.content.n);
	assert_memory_equal(zip.p + report.directory, "PK\1\2", 4);
	buf_deinit(&zip);
	buf_deinit(&gomod);
}

static void vector_directories(void **state)
{
	static const struct {
		bool with_dirs;
		const char *h1;
	} rows[] = {
		{ false, "h1:/Iqk1Eetg9SNlNszyq5Jv4qUofysk0GW/nq0CjB9C+o=" },
		{ true, "h1:nbzwR6rCADbIv3gd1Ovfng2wSwIyIAX28WTKjqwVSho=" },
	};
	/* The vector's module is not named in the protocol notes; its names are. */
	for (size_t i = 0; i < 2; i++) {
		struct entry entries[] = {
			ONE,
			{ .name = PREFIX },
			{ .name = PREFIX "d/" },
		};
		struct mg_buf zip = BUF_MAX(1 << 20);
		struct modzip_report report;
		write_zip(entries, rows[i].with_dirs ? 3 : 1, PLAIN, &zip);
		assert_int_equal(check_bytes(buf_span(&zip), NULL, &report, NULL), MG_OK);
		assert_string_equal(report.h1, rows[i].h1);
		assert_false(report.has_gomod);
		buf_deinit(&zip);
	}
}

static void empty_zip(void **state)
{
	struct mg_buf zip = BUF_MAX(1 << 20);
	struct modzip_report report;
	write_zip(NULL, 0, PLAIN, &zip);
	assert_int_equal(zip.n, 22);
	assert_int_equal(check_bytes(buf_span(&zip), NULL, &report, NULL), MG_OK);
	assert_string_equal(report.h1, "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	buf_deinit(&zip);
}

static void entries_accepted(void **state)
{
	static char zeros[3 << 20];
	struct entry rows[] = {
		{ .name = PREFIX "a", .content = SPAN("aaaa"), .deflate = true },
		{ .name = PREFIX "a", .content = SPAN("aaaa"), .descriptor = 1 },
		{ .name = PREFIX "a", .content = SPAN("aaaa"), .descriptor = 2, .deflate = true },
		{ .name = PREFIX "a", .content = SPAN("aaaa"), .zip64 = true },
		{ .name = PREFIX "a", .content = SPAN("aaaa"), .no_crc = true },
		{ .name = PREFIX "a", .content = SPAN(""), .deflate = true },
		{ .name = PREFIX "a", .content = SPAN("aaaa"), .flags = 0x801 },
		{ .name = PREFIX "a", .content = { zeros, sizeof zeros }, .deflate = true },
		{ .name = PREFIX "a", .content = { zeros, sizeof zeros } },
		{ .name = PREFIX "d/", .method = 99 },
		{ .name = PREFIX "d/", .add_packed = 5 },
		{ .name = PREFIX ".git/config", .content = SPAN("x") },
		{ .name = PREFIX "vendor/x/y.go", .content = SPAN("x") },
		{ .name = PREFIX "h\xc3\xa9.go", .content = SPAN("x") },
		{ .name = PREFIX "LICENSE", .content = SPAN("x") },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct entry entries[] = { GOMOD, rows[i], HELLO };
		expect(entries, 3, PLAIN, NULL);
	}
}

static void entries_refused(void **state)
{
	static const struct {
		struct entry e;
		const char *text;
	} rows[] = {
		{ { .name = "example.com/!hello@v1.0.0/a" }, "PATH@VERSION" },
		{ { .name = "a" }, "PATH@VERSION" },
		{ { .name = PREFIX "../a" }, "malformed" },
		{ { .name = PREFIX "./a" }, "malformed" },
		{ { .name = PREFIX "/a" }, "malformed" },
		{ { .name = PREFIX "d//" }, "malformed" },
		{ { .name = PREFIX "a\\b" }, "malformed" },
		{ { .name = PREFIX "aux.go" }, "malformed" },
		{ { .name = PREFIX "e\xcc\x81" }, "malformed" },
		{ { .name = PREFIX "a\nb" }, "malformed" },
		{ { .name = PREFIX "HELLO.GO" }, "case only" },
		{ { .name = PREFIX "hello.go" }, "occurs twice" },
		{ { .name = PREFIX "hello.go/" }, "both a file and a directory" },
		{ { .name = PREFIX "hello.go/x" }, "both a file and a directory" },
		{ { .name = PREFIX "sub/go.mod" }, "not in the module's root" },
		{ { .name = PREFIX "sub/GO.MOD" }, "not in the module's root" },
		{ { .name = PREFIX "d/", .content = SPAN("x") }, "a directory with content" },
		{ { .name = PREFIX "a", .content = SPAN("x"), .method = 12 }, "neither stored" },
		{ { .name = PREFIX "a", .content = SPAN("x"), .add_crc = 1 }, "CRC" },
		{ { .name = PREFIX "a", .content = SPAN("x"), .add_size = 1 }, "smaller" },
		{ { .name = PREFIX "a", .content = SPAN("xx"), .add_size = (uint32_t)-1 },
		  "larger" },
		{ { .name = PREFIX "a",
		    .content = SPAN("xx"),
		    .add_size = (uint32_t)-1,
		    .deflate = true },
		  "larger" },
		{ { .name = PREFIX "a", .content = SPAN("xx"), .descriptor = 3 }, "descriptor" },
		{ { .name = PREFIX "a", .content = SPAN("xxxxxxxxx"), .deflate = true, .cut = 2 },
		  "too early" },
		{ { .name = PREFIX "a", .content = SPAN("\xff\xff\xff"), .method = 8 },
		  "malformed" },
		{ { .name = PREFIX "a", .content = SPAN("x"), .add_offset = 1 },
		  "no local header" },
		{ { .name = PREFIX "a", .content = SPAN("x"), .add_offset = 1u << 30 }, "outside" },
		{ { .name = PREFIX "a", .content = SPAN("x"), .add_packed = 1u << 30 },
		  "overlaps" },
		{ { .name = PREFIX "a",
		    .content = SPAN("x"),
		    .add_packed = 40,
		    .add_size = 40,
		    .no_crc = true },
		  "overlaps" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct entry entries[] = { GOMOD, rows[i].e, HELLO };
		/* What collides must come second. */
		if (strcasestr(rows[i].e.name, "hello.go") != NULL) {
			entries[1] = HELLO;
			entries[2] = rows[i].e;
		}
		expect(entries, 3, PLAIN, rows[i].text);
	}
	struct entry capital[] = { { .name = PREFIX "Go.mod" } };
	expect(capital, 1, PLAIN, "small letters");
}

static void same_bytes_twice(void **state)
{
	/* Two entries for one local header: half of a zip bomb. */
	struct entry entries[] = { HELLO, HELLO };
	entries[1].name = PREFIX "hellp.go";
	struct mg_buf zip = BUF_MAX(1 << 20), dir = BUF_MAX(1 << 20), skipped = BUF_MAX(1 << 20);
	write_entry(&entries[0], &zip, &dir);
	write_entry(&entries[1], &skipped, &dir);
	size_t at = zip.n;
	buf_append(&zip, buf_span(&dir));
	put32(&zip, 0x06054b50);
	put32(&zip, 0);
	put16(&zip, 2);
	put16(&zip, 2);
	put32(&zip, dir.n);
	put32(&zip, at);
	put16(&zip, 0);
	struct modzip_report report;
	struct mg_err err;
	assert_int_equal(check_bytes(buf_span(&zip), NULL, &report, &err), MG_CORRUPT);
	assert_non_null(strstr(err.text, "overlaps"));
	buf_deinit(&zip);
	buf_deinit(&dir);
	buf_deinit(&skipped);
}

static void endings(void **state)
{
	static const struct {
		struct ending end;
		const char *text;
	} rows[] = {
		{ { .comment = "a comment" }, NULL },
		{ { .zip64 = true }, NULL },
		{ { .zip64 = true, .comment = "x" }, NULL },
		{ { .comment = "PK\5\6" }, NULL },
		{ { .comment = "PK\5\6xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" }, "no end record" },
		{ { .add_records = 1 }, "fewer or more" },
		{ { .add_size = 1 }, "fewer or more" },
		{ { .add_size = (uint32_t)-1 }, NULL }, /* found where the offset says */
		{ { .add_size = 100000 }, "outside" },
		{ { .add_offset = 1 }, "no local header" },
		{ { .zip64 = true, .add_size = 1 }, "fewer or more" },
	};
	struct entry entries[] = { GOMOD, HELLO };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect(entries, 2, rows[i].end, rows[i].text);
	/* A count that is right in its low 16 bits is right, as in zips of more than 65535 files. */
	expect(entries, 2, (struct ending){ .zip64 = true, .add_records = 0 }, NULL);
}

static void long_comment(void **state)
{
	static char comment[60001];
	memset(comment, 'c', sizeof comment - 1);
	struct entry entries[] = { GOMOD, HELLO };
	expect(entries, 2, (struct ending){ .comment = comment }, NULL);
}

static void bytes_before_the_zip(void **state)
{
	struct mg_buf zip = BUF_MAX(1 << 20);
	struct entry entries[] = { GOMOD, HELLO };
	struct modzip_report report;
	buf_append_str(&zip, "#!/bin/sh\n");
	entries[0].add_offset = entries[1].add_offset = (uint32_t)-10;
	write_zip(entries, 2, PLAIN, &zip);
	assert_int_equal(check_bytes(buf_span(&zip), NULL, &report, NULL), MG_OK);
	assert_memory_equal(zip.p + report.directory, "PK\1\2", 4);
	assert_string_equal(report.h1, "h1:pKFu5tHfljqp2Zr9PLlh8XHdPpeGCCxqljPAeAdak0c=");
	buf_deinit(&zip);
}

/* Every prefix of a zip is refused. Every flipped bit is refused or leaves the hash as it is, unless it
 * made another name of the directory: nothing but the hash protects those. */
static void cuts_and_flips(void **state)
{
	struct mg_buf zip = BUF_MAX(1 << 20);
	struct entry entries[] = { GOMOD, HELLO };
	struct modzip_report report;
	entries[0].deflate = true;
	entries[1].descriptor = 2;
	write_zip(entries, 2, PLAIN, &zip);
	for (size_t n = 0; n < zip.n; n++)
		assert_int_equal(check_bytes(span_make(zip.p, n), NULL, &report, NULL), MG_CORRUPT);
	size_t harmless = 0;
	for (size_t i = 0; i < 8 * zip.n; i++) {
		zip.p[i / 8] = (char)(zip.p[i / 8] ^ 1 << i % 8);
		if (check_bytes(buf_span(&zip), NULL, &report, NULL) == MG_OK) {
			bool same = strcmp(report.h1,
					   "h1:pKFu5tHfljqp2Zr9PLlh8XHdPpeGCCxqljPAeAdak0c=") == 0;
			assert_true(same || i / 8 >= report.directory);
			harmless += same;
		}
		zip.p[i / 8] = (char)(zip.p[i / 8] ^ 1 << i % 8);
	}
	assert_true(harmless > 0 && harmless < 4 * zip.n);
	buf_deinit(&zip);
}

static void declared_sizes(void **state)
{
	struct entry big[] = {
		{ .name = PREFIX "a", .add_size = MODZIP_MAX },
		{ .name = PREFIX "b", .add_size = 1 },
	};
	/* Too much in all is found before any byte is unpacked. */
	expect(big, 2, PLAIN, "524288000");
	expect(big, 1, PLAIN, "smaller than declared");
	struct entry gomod[] = { { .name = PREFIX "go.mod", .add_size = MODZIP_SPECIAL_MAX + 1 } };
	expect(gomod, 1, PLAIN, "16777216");
	struct entry license[] = { { .name = PREFIX "LICENSE",
				     .add_size = MODZIP_SPECIAL_MAX + 1 } };
	expect(license, 1, PLAIN, "16777216");
	struct entry other[] = { { .name = PREFIX "d/LICENSE",
				   .add_size = MODZIP_SPECIAL_MAX + 1 } };
	expect(other, 1, PLAIN, "smaller than declared");
}

static enum mg_code read_never(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	(*(int *)arg)++;
	return err_set(err, MG_CANCELED, MG_CAUSE_NONE, "nobody waits");
}

static void sources_that_fail(void **state)
{
	int calls = 0;
	struct zipsource source = { .read_at = read_never, .arg = &calls, .size = MODZIP_MAX + 1u };
	struct modzip_report report;
	struct mg_err err;
	assert_int_equal(modzip_check(&source, SPAN(PATH), SPAN(VERSION), NULL, &report, &err),
			 MG_CORRUPT);
	assert_int_equal(calls, 0);
	source.size--;
	assert_int_equal(modzip_check(&source, SPAN(PATH), SPAN(VERSION), NULL, &report, &err),
			 MG_CANCELED);
	assert_int_equal(modzip_check(&source, SPAN(PATH), SPAN(VERSION), NULL, &report, NULL),
			 MG_CANCELED);
	assert_int_equal(modzip_check(&source, SPAN("hello"), SPAN(VERSION), NULL, &report, &err),
			 MG_INVALID);
	assert_int_equal(modzip_check(&source, SPAN(PATH), SPAN("v2.0.0"), NULL, &report, &err),
			 MG_INVALID);
	assert_int_equal(modzip_check(&source, SPAN(PATH), SPAN("v1"), NULL, &report, &err),
			 MG_INVALID);
}

/* Fails the read with the given number. */
struct failing {
	struct mg_span bytes;
	int left;
};

static enum mg_code read_some(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	struct failing *f = arg;
	if (f->left-- == 0) return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE, "injected");
	return read_memory(&f->bytes, offset, out, n, err);
}

static void every_read_may_fail(void **state)
{
	static char bytes[300000];
	struct mg_buf zip = BUF_MAX(4 << 20);
	struct entry entries[] = { GOMOD, HELLO, HELLO };
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * i >> 3);
	entries[1].content = span_make(bytes, sizeof bytes);
	entries[1].deflate = true;
	entries[1].descriptor = 1;
	entries[2].name = PREFIX "stored";
	entries[2].content = span_make(bytes, sizeof bytes);
	write_zip(entries, 3, (struct ending){ .zip64 = true }, &zip);
	for (int n = 0;; n++) {
		struct failing f = { .bytes = buf_span(&zip), .left = n };
		struct zipsource source = { .read_at = read_some, .arg = &f, .size = zip.n };
		struct modzip_report report;
		enum mg_code rc =
			modzip_check(&source, SPAN(PATH), SPAN(VERSION), NULL, &report, NULL);
		if (rc == MG_OK) {
			assert_true(n > 5);
			break;
		}
		assert_int_equal(rc, MG_UNAVAILABLE);
	}
	buf_deinit(&zip);
}

/* A directory with one entry more than is allowed, all for one local header. */
static void too_many_entries(void **state)
{
	size_t n = 500001;
	struct mg_buf zip = BUF_MAX(64u << 20), skipped = BUF_MAX(1 << 20);
	for (size_t i = 0; i < n; i++) {
		char name[64];
		snprintf(name, sizeof name, PREFIX "%zu", i);
		buf_clear(&skipped);
		struct entry e = { .name = name };
		write_entry(&e, &skipped, &zip);
	}
	size_t size = zip.n;
	put32(&zip, 0x06054b50);
	put32(&zip, 0);
	put16(&zip, n);
	put16(&zip, n);
	put32(&zip, size);
	put32(&zip, 0);
	put16(&zip, 0);
	struct modzip_report report;
	struct mg_err err;
	assert_int_equal(check_bytes(buf_span(&zip), NULL, &report, &err), MG_CORRUPT);
	assert_non_null(strstr(err.text, "too many entries"));
	buf_deinit(&zip);
	buf_deinit(&skipped);
}

static void name_too_long(void **state)
{
	struct mg_buf name = BUF_MAX(10000);
	buf_append_str(&name, PREFIX);
	while (name.n < MODZIP_NAME_MAX)
		buf_append_str(&name, name.n % 2 ? "a" : "/");
	struct entry e = { .name = buf_cstr(&name) };
	buf_append_str(&name, "a");
	e.name = buf_cstr(&name);
	expect(&e, 1, PLAIN, "too long");
	name.n = MODZIP_NAME_MAX - (name.p[MODZIP_NAME_MAX - 1] == '/');
	name.p[name.n] = '\0';
	e.name = buf_cstr(&name);
	expect(&e, 1, PLAIN, strstr(e.name, "//") != NULL ? "malformed" : NULL);
	buf_deinit(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_hello),
		cmocka_unit_test(vector_directories),
		cmocka_unit_test(empty_zip),
		cmocka_unit_test(entries_accepted),
		cmocka_unit_test(entries_refused),
		cmocka_unit_test(same_bytes_twice),
		cmocka_unit_test(endings),
		cmocka_unit_test(long_comment),
		cmocka_unit_test(bytes_before_the_zip),
		cmocka_unit_test(cuts_and_flips),
		cmocka_unit_test(declared_sizes),
		cmocka_unit_test(sources_that_fail),
		cmocka_unit_test(every_read_may_fail),
		cmocka_unit_test(too_many_entries),
		cmocka_unit_test(name_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
