/* SPDX-License-Identifier: Apache-2.0 */
/* Zips that are damaged, and sources that cannot be read. */
#include "gomod/modzip_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endings),
		cmocka_unit_test(long_comment),
		cmocka_unit_test(bytes_before_the_zip),
		cmocka_unit_test(cuts_and_flips),
		cmocka_unit_test(sources_that_fail),
		cmocka_unit_test(every_read_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
