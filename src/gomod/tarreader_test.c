/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/tarreader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What was told, as text: "path kind size content;" for each entry. */
static struct mg_buf told;

static enum mg_code begin(void *arg, const struct tarreader_entry *e, struct mg_err *err)
{
	buf_printf(&told, ";%.*s %d %u ", SPAN_ARG(e->path), (int)e->kind, (unsigned)e->size);
	return MG_OK;
}

static enum mg_code content(void *arg, struct mg_span piece, struct mg_err *err)
{
	buf_append(&told, piece);
	return MG_OK;
}

static void add_block(struct mg_buf *tar, const char *prefix, const char *name, char type,
		      const char *size)
{
	char block[512] = { 0 };
	unsigned sum = 0;

	snprintf(block, 100, "%s", name);
	snprintf(block + 124, 12, "%s", size);
	block[156] = type;
	memcpy(block + 257, "ustar\00000", 8);
	snprintf(block + 345, 155, "%s", prefix);
	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < sizeof block; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%07o", sum);
	buf_append(tar, span_make(block, sizeof block));
}

static void add_content(struct mg_buf *tar, const char *text)
{
	static const char zeros[512];
	size_t n = strlen(text);

	buf_append_str(tar, text);
	if (n % 512 != 0) buf_append(tar, span_make(zeros, 512 - n % 512));
}

static void add_end(struct mg_buf *tar)
{
	static const char zeros[1024];

	buf_append(tar, span_make(zeros, sizeof zeros));
}

static enum mg_code read_in_steps(struct mg_span bytes, size_t step)
{
	struct tarreader t;
	struct mg_err err;
	enum mg_code code = MG_OK;

	buf_clear(&told);
	tarreader_init(&t, &(struct tarreader_sink){ .begin = begin, .data = content });
	for (; code == MG_OK && bytes.n > 0; bytes = span_from(bytes, step))
		code = tarreader_feed(&t, span_first(bytes, step), &err);
	if (code == MG_OK) code = tarreader_end(&t, &err);
	tarreader_deinit(&t);
	return code;
}

static void entries_of_all_kinds(void **state)
{
	struct mg_buf tar = BUF_MAX(1 << 20);

	add_block(&tar, "", "pax_global_header", 'g', "00000000064");
	add_content(&tar, "52 comment=87e37e11e41ee3966e68f37353a8d1f8192ca69d\n");
	add_block(&tar, "", "a/", '5', "00000000000");
	add_block(&tar, "dir", "a/b", '0', "00000000003");
	add_content(&tar, "abc");
	add_block(&tar, "", "x.data", 'x', "00000000022");
	add_content(&tar, "18 path=long/name\n");
	add_block(&tar, "", "x.data", '0', "00000000000");
	add_block(&tar, "", "link", '2', "00000000000");
	add_end(&tar);
	static const size_t steps[] = { 1, 7, 511, 512, 513, 1 << 20 };
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		assert_int_equal(read_in_steps(buf_span(&tar), steps[i]), MG_OK);
		assert_string_equal(buf_cstr(&told),
				    ";a/ 2 0 ;dir/a/b 0 3 abc;long/name 0 0 ;link 1 0 ");
	}
	/* Cut anywhere it is none. */
	for (size_t n = 0; n < tar.n; n += 256)
		assert_int_equal(read_in_steps(span_make(tar.p, n), 512), MG_CORRUPT);
	buf_deinit(&tar);
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *name;
		char type;
		const char *size, *content;
	} bad[] = {
		{ "", '0', "00000000000", "" },
		{ "f", '0', "0000000000x", "" },
		{ "f", '0', "", "" },
		{ "f", '1', "00000000000", "" },
		{ "f", 'L', "00000000001", "x" },
		{ "d/", '5', "00000000001", "x" },
		{ "l", '2', "00000000001", "x" },
		{ "f", 'x', "00000000003", "9 a" },
		{ "f", 'x', "00000000006", "6 abc\n" },
		{ "f", 'x', "00000000010", "8 path=\n" },
		{ "f", 'x', "00000000005", "5 a=b" },
		{ "f", 'x', "00000200001", "" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct mg_buf tar = BUF_MAX(1 << 20);
		add_block(&tar, "", bad[i].name, bad[i].type, bad[i].size);
		add_content(&tar, bad[i].content);
		add_block(&tar, "", "good", '0', "00000000000");
		add_end(&tar);
		if (read_in_steps(buf_span(&tar), 512) != MG_CORRUPT) fail_msg("case %zu", i);
		buf_deinit(&tar);
	}
}

static void a_sum_that_does_not_fit(void **state)
{
	struct mg_buf tar = BUF_MAX(1 << 20);

	add_block(&tar, "", "f", '0', "00000000000");
	add_end(&tar);
	assert_int_equal(read_in_steps(buf_span(&tar), 512), MG_OK);
	tar.p[1] ^= 1;
	assert_int_equal(read_in_steps(buf_span(&tar), 512), MG_CORRUPT);
	buf_deinit(&tar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_all_kinds),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(a_sum_that_does_not_fit),
	};

	told = BUF_MAX(1 << 16);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_deinit(&told);
	return failed;
}
