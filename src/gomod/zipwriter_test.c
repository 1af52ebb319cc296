/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/zipwriter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"
#include "gomod/modzip.h"

#define PATH    SPAN("example.com/hello")
#define VERSION SPAN("v1.0.0")

static char large[3 << 20]; /* ever harder to pack, its second half not at all */

struct sink {
	struct mg_buf zip;
	uint64_t fails_at; /* bytes after which it does; 0: never */
	bool counts;       /* keeps nothing */
	uint64_t n;
};

static enum mg_code take(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct sink *sink = arg;
	sink->n += bytes.n;
	if (sink->fails_at > 0 && sink->n >= sink->fails_at)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE, "full");
	if (!sink->counts) buf_append(&sink->zip, bytes);
	return MG_OK;
}

#define SINK_INIT ((struct sink){ .zip = BUF_MAX(64u << 20) })

static struct zipwriter *open_writer(struct sink *sink)
{
	const struct zipwriter_sink to = { take, sink };
	struct zipwriter *w = NULL;
	assert_int_equal(zipwriter_new(&to, PATH, VERSION, &w, NULL), MG_OK);
	return w;
}

/* One file, given in pieces. */
static enum mg_code add(struct zipwriter *w, const char *name, struct mg_span content, size_t piece,
			struct mg_err *err)
{
	enum mg_code rc = zipwriter_begin(w, span_of(name), content.n, err);
	for (size_t at = 0; at < content.n && rc == MG_OK; at += piece)
		rc = zipwriter_write(w, span_first(span_from(content, at), piece), err);
	return rc;
}

static enum mg_code read_memory(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	const struct mg_span *bytes = arg;
	MG_ASSERT(n > 0 && n <= bytes->n && offset <= bytes->n - n);
	memcpy(out, bytes->p + offset, n);
	return MG_OK;
}

/* What the check of zips from elsewhere says of it must be what the writer said. */
static struct modzip_report expect_good(const struct sink *sink, const char *h1)
{
	struct mg_span bytes = buf_span(&sink->zip);
	const struct zipsource source = { read_memory, &bytes, bytes.n };
	struct modzip_report report = { 0 };
	struct mg_err err = { 0 };
	assert_false(buf_failed(&sink->zip));
	if (modzip_check(&source, PATH, VERSION, NULL, &report, &err) != MG_OK)
		fail_msg("%s", err.text);
	assert_string_equal(report.h1, h1);
	return report;
}

static void test_vector(void **state)
{
	struct sink sink = SINK_INIT;
	struct zipwriter *w = open_writer(&sink);
	char h1[DIRHASH_SIZE];
	assert_int_equal(add(w, "go.mod", SPAN("module example.com/hello\n\ngo 1.21\n"), 7, NULL),
			 MG_OK);
	assert_int_equal(add(w, "hello.go", SPAN("package hello\n"), 100, NULL), MG_OK);
	assert_int_equal(zipwriter_end(w, h1, NULL), MG_OK);
	assert_string_equal(h1, "h1:pKFu5tHfljqp2Zr9PLlh8XHdPpeGCCxqljPAeAdak0c=");
	assert_true(expect_good(&sink, h1).has_gomod);
	/* APPNOTE.TXT §4.3.7: version, flags, method, time, date, and the sizes in their places. */
	static const char header[] = "PK\3\4\x14\0\0\0\0\0\0\0\x21\0";
	assert_memory_equal(sink.zip.p, header, sizeof header - 1);
	assert_int_equal(zipsource_u32(sink.zip.p + 18), 34);
	assert_int_equal(zipsource_u32(sink.zip.p + 22), 34);
	zipwriter_free(&w);
	buf_deinit(&sink.zip);
}

static void test_empty(void **state)
{
	struct sink sink = SINK_INIT;
	struct zipwriter *w = open_writer(&sink);
	char h1[DIRHASH_SIZE];
	assert_int_equal(zipwriter_end(w, h1, NULL), MG_OK);
	assert_string_equal(h1, "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	assert_int_equal(sink.zip.n, 22);
	(void)expect_good(&sink, h1);
	zipwriter_free(&w);
	buf_deinit(&sink.zip);
}

static void fill_large(void)
{
	uint64_t x = 88172645463325252u;
	for (size_t i = 0; i < sizeof large; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		large[i] = (char)(i < sizeof large / 2 ? x & (i * 511 / sizeof large) : x);
	}
}

/* Sizes on both sides of every limit, packable and not; however the content comes, the zip is the same. */
static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0,       1,       63,          64,     65,
					1000,    65536,   262143,      262144, 262145,
					1 << 20, 2 << 20, sizeof large };
	static const size_t pieces[] = { sizeof large, 1 << 16, 10007, 512 };
	struct mg_buf first = BUF_MAX(64u << 20);
	for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
		struct sink sink = SINK_INIT;
		struct zipwriter *w = open_writer(&sink);
		char h1[DIRHASH_SIZE], name[32];
		for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
			const size_t n = sizes[i / 2];
			const struct mg_span content =
				span_make(i % 2 ? large : large + sizeof large - n, n);
			snprintf(name, sizeof name, "%02zu", i);
			assert_int_equal(add(w, name, content, pieces[p], NULL), MG_OK);
		}
		assert_int_equal(zipwriter_end(w, h1, NULL), MG_OK);
		(void)expect_good(&sink, h1);
		if (p == 0) assert_true(buf_append(&first, buf_span(&sink.zip)));
		assert_int_equal(first.n, sink.zip.n);
		assert_memory_equal(first.p, sink.zip.p, first.n);
		zipwriter_free(&w);
		buf_deinit(&sink.zip);
	}
	buf_deinit(&first);
}

static void test_names(void **state)
{
	struct sink sink = SINK_INIT;
	struct zipwriter *w = open_writer(&sink);
	static char name[4097];
	struct mg_err err = { 0 };
	char h1[DIRHASH_SIZE];
	memset(name, 'n', 4096);
	name[4096 - strlen("example.com/hello@v1.0.0/")] = '\0';
	assert_int_equal(add(w, "h\xc3\xa9", SPAN("x"), 1, NULL), MG_OK);
	assert_int_equal(add(w, name, SPAN(""), 1, NULL), MG_OK);
	assert_int_equal(zipwriter_end(w, h1, NULL), MG_OK);
	(void)expect_good(&sink, h1);
	assert_int_equal(zipsource_u16(sink.zip.p + 6), 0x800);
	zipwriter_free(&w);
	buf_deinit(&sink.zip);
	sink = SINK_INIT;
	w = open_writer(&sink);
	name[strlen(name)] = 'n';
	assert_int_equal(add(w, name, SPAN(""), 1, &err), MG_NOT_FOUND);
	assert_non_null(strstr(err.text, "too long"));
	zipwriter_free(&w);
	buf_deinit(&sink.zip);
}

static void test_many(void **state)
{
	for (size_t count = UINT16_MAX - 1; count <= UINT16_MAX + 1; count++) {
		struct sink sink = SINK_INIT;
		struct zipwriter *w = open_writer(&sink);
		char h1[DIRHASH_SIZE], name[32];
		for (size_t i = 0; i < count; i++) {
			snprintf(name, sizeof name, "%05zu", i);
			assert_int_equal(add(w, name, SPAN(""), 1, NULL), MG_OK);
		}
		assert_int_equal(zipwriter_end(w, h1, NULL), MG_OK);
		assert_int_equal(expect_good(&sink, h1).entries, count);
		/* The wide records only when they are needed. */
		const struct mg_span tail = span_from(buf_span(&sink.zip), sink.zip.n - 22 - 20);
		assert_int_equal(span_has_prefix(tail, SPAN("PK\x06\x07")), count >= UINT16_MAX);
		zipwriter_free(&w);
		buf_deinit(&sink.zip);
	}
}

static void test_too_large(void **state)
{
	static const struct {
		const char *name;
		uint64_t before, size;
		const char *text;
	} rows[] = {
		{ "go.mod", 0, MODZIP_SPECIAL_MAX + 1, "larger than 16777216" },
		{ "LICENSE", 0, MODZIP_SPECIAL_MAX + 1, "larger than 16777216" },
		{ "a", 0, (uint64_t)MODZIP_MAX + 1, "all files together" },
		{ "a", 0, UINT64_MAX, "all files together" },
		{ "a", 1, MODZIP_MAX, "all files together" },
		{ "go.mod", 0, MODZIP_SPECIAL_MAX, NULL },
		{ "a/LICENSE", 0, MODZIP_SPECIAL_MAX + 1, NULL },
		{ "a", 0, MODZIP_MAX, NULL },
		{ "a", 1, MODZIP_MAX - 1, NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sink sink = SINK_INIT;
		struct zipwriter *w = open_writer(&sink);
		struct mg_err err = { 0 };
		assert_int_equal(add(w, "0", span_make(large, rows[i].before), 1, NULL), MG_OK);
		const enum mg_code rc =
			zipwriter_begin(w, span_of(rows[i].name), rows[i].size, &err);
		assert_int_equal(rc, rows[i].text == NULL ? MG_OK : MG_NOT_FOUND);
		if (rc != MG_OK) assert_non_null(strstr(err.text, rows[i].text));
		zipwriter_free(&w);
		buf_deinit(&sink.zip);
	}
}

/* The files fit, but packing them does not make them smaller. */
static void test_zip_too_large(void **state)
{
	struct sink sink = { .counts = true };
	struct zipwriter *w = open_writer(&sink);
	struct mg_err err = { 0 };
	const struct mg_span noise = span_make(large + sizeof large - (1 << 16), 1 << 16);
	uint64_t left = MODZIP_MAX;
	enum mg_code rc = zipwriter_begin(w, SPAN("a"), left, &err);
	for (; left > 0 && rc == MG_OK; left -= left < noise.n ? left : noise.n)
		rc = zipwriter_write(w, span_first(noise, (size_t)left), &err);
	assert_int_equal(rc, MG_NOT_FOUND);
	assert_non_null(strstr(err.text, "the zip is larger"));
	assert_true(sink.n <= MODZIP_MAX);
	zipwriter_free(&w);
}

static void test_sink_fails(void **state)
{
	static const uint64_t places[] = { 1, 70000, 2 << 20 };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct sink sink = SINK_INIT;
		sink.fails_at = places[i];
		struct zipwriter *w = open_writer(&sink);
		struct mg_err err = { 0 };
		char h1[DIRHASH_SIZE];
		enum mg_code rc = MG_OK;
		for (int file = 0; file < 20 && rc == MG_OK; file++)
			rc = add(w, "a", span_make(large, file % 2 ? 200000 : sizeof large), 30000,
				 &err);
		if (rc == MG_OK) rc = zipwriter_end(w, h1, &err);
		assert_int_equal(rc, MG_UNAVAILABLE);
		assert_string_equal(err.text, "full");
		zipwriter_free(&w);
		buf_deinit(&sink.zip);
	}
}

static void test_refused(void **state)
{
	struct sink sink = SINK_INIT;
	const struct zipwriter_sink to = { take, &sink };
	struct zipwriter *w = NULL;
	assert_int_equal(zipwriter_new(&to, PATH, SPAN("v2.0.0"), &w, NULL), MG_INVALID);
	assert_int_equal(zipwriter_new(&to, SPAN("hello"), VERSION, &w, NULL), MG_INVALID);
	assert_null(w);
	zipwriter_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),        cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sizes),         cmocka_unit_test(test_names),
		cmocka_unit_test(test_many),          cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_zip_too_large), cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_refused),
	};
	fill_large();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
