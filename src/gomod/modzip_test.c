/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modzip.h"

#include "gomod/modzip_fixture.h"

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
		cmocka_unit_test(vector_hello),    cmocka_unit_test(vector_directories),
		cmocka_unit_test(empty_zip),       cmocka_unit_test(entries_accepted),
		cmocka_unit_test(entries_refused), cmocka_unit_test(same_bytes_twice),
		cmocka_unit_test(declared_sizes),  cmocka_unit_test(too_many_entries),
		cmocka_unit_test(name_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
