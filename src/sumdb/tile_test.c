/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/tile.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sumdb/log_fixture.h"

static void paths(void **state)
{
	static const struct {
		const char *path;
		struct tile tile; /* height 0: refused */
	} rows[] = {
		{ "tile/8/0/000", { 8, 0, 0, 256 } },
		{ "tile/8/0/000.p/1", { 8, 0, 0, 1 } },
		{ "tile/8/0/x273/278.p/104", { 8, 0, 273278, 104 } },
		{ "tile/4/0/001", { 4, 0, 1, 16 } },
		{ "tile/4/0/001.p/5", { 4, 0, 1, 5 } },
		{ "tile/3/5/x123/x456/078", { 3, 5, 123456078, 8 } },
		{ "tile/3/5/x123/x456/078.p/2", { 3, 5, 123456078, 2 } },
		{ "tile/1/data/x003/x057/500", { 1, TILE_LEVEL_DATA, 3057500, 2 } },
		{ "tile/8/1/x001/000", { 8, 1, 1000, 256 } },
		{ "tile/8/1/x001/x234/067", { 8, 1, 1234067, 256 } },
		{ "tile/30/63/000.p/1073741823", { 30, 63, 0, 1073741823 } },
		{ "tile/8/0/x009/x223/x372/x036/x854/x775/807", { 8, 0, INT64_MAX, 256 } },
		{ "tile/8/0/x009/x223/x372/x036/x854/x775/808", { 0 } },
		{ "tile/8/0/x001/x009/x223/x372/x036/x854/x775/807", { 0 } },
		{ "tile/3/5/123/456/078", { 0 } },
		{ "tile/3/-1/x123/x456/078", { 0 } },
		{ "tile/8/-1/000", { 0 } },
		{ "tile/8/64/000", { 0 } },
		{ "tile/8/00/000", { 0 } },
		{ "tile/08/0/000", { 0 } },
		{ "tile/+8/0/000", { 0 } },
		{ "tile/0/0/000", { 0 } },
		{ "tile/31/0/000", { 0 } },
		{ "tile/8/0/1", { 0 } },
		{ "tile/8/0/0000", { 0 } },
		{ "tile/8/0/x000/001", { 0 } },
		{ "tile/8/0/x001", { 0 } },
		{ "tile/8/0/x001/", { 0 } },
		{ "tile/8/0/001/000", { 0 } },
		{ "tile/8/0/000.p/0", { 0 } },
		{ "tile/8/0/000.p/01", { 0 } },
		{ "tile/8/0/000.p/256", { 0 } },
		{ "tile/8/0/000.p/", { 0 } },
		{ "tile/8/0/000.p", { 0 } },
		{ "tile/8/0/000.p/1/", { 0 } },
		{ "tile/8/0/000/.p/1", { 0 } },
		{ "tile/8/0/000/", { 0 } },
		{ "tile/8/0/", { 0 } },
		{ "tile/8/0", { 0 } },
		{ "tile/8/", { 0 } },
		{ "tile/", { 0 } },
		{ "tile", { 0 } },
		{ "", { 0 } },
		{ "/tile/8/0/000", { 0 } },
		{ "tile/8/DATA/000", { 0 } },
		{ "tile/8/0/\xd9\xa0\xd9\xa0\xd9\xa0", { 0 } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tile t = { 0 };
		struct mg_buf out = BUF_MAX(TILE_PATH_MAX);
		bool ok = tile_parse(span_of(rows[i].path), &t);
		if (ok != (rows[i].tile.height > 0)) fail_msg("row %zu: %s", i, rows[i].path);
		if (ok) {
			assert_true(tile_eq(&t, &rows[i].tile));
			tile_print(&t, &out);
			assert_string_equal(buf_cstr(&out), rows[i].path);
		}
		buf_deinit(&out);
	}
}

static void longest_path(void **state)
{
	struct tile t = { 30, TILE_LEVEL_DATA, INT64_MAX, 1073741823 };
	struct mg_buf out = BUF_MAX(TILE_PATH_MAX);
	tile_print(&t, &out);
	assert_false(buf_failed(&out));
	buf_deinit(&out);
}

/* protocol §6.7: the right edge of a tree of 69,959,272 records, and what is beyond. */
static void in_tree(void **state)
{
	static const struct {
		int level;
		uint64_t number;
		uint64_t size;
		uint32_t width; /* 0: not there */
	} rows[] = {
		{ 0, 273278, 69959272, 104 },
		{ 1, 1067, 69959272, 126 },
		{ 2, 4, 69959272, 43 },
		{ 3, 0, 69959272, 4 },
		{ 4, 0, 69959272, 0 },
		{ 63, 0, 69959272, 0 },
		{ 0, 264212, 69959272, 256 },
		{ 0, 273279, 69959272, 0 },
		{ 3, 1, 69959272, 0 },
		{ 0, INT64_MAX, 69959272, 0 },
		{ 0, UINT64_MAX, 69959272, 0 },
		{ TILE_LEVEL_DATA, 273278, 69959272, 104 },
		{ 0, 0, 0, 0 },
		{ 0, 0, 1, 1 },
		{ 0, 0, 256, 256 },
		{ 0, 1, 256, 0 },
		{ 1, 0, 256, 1 },
		{ 1, 0, 65536, 256 },
		{ 2, 0, 65536, 1 },
		{ 1, 1, 65536, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tile t;
		bool there = tile_in_tree(8, rows[i].level, rows[i].number, rows[i].size, &t);
		if (there != (rows[i].width > 0)) fail_msg("row %zu", i);
		if (there) assert_int_equal(t.width, rows[i].width);
	}
}

static void of_index(void **state)
{
	uint32_t begin, count;
	struct tile t = tile_of_index(8, 135276956, &begin, &count);
	assert_int_equal(t.number, 264212);
	assert_int_equal(t.level, 0);
	assert_int_equal(begin, 67638482 - 264212 * 256);
	assert_int_equal(count, 1);
	assert_int_equal(t.width, begin + 1);
}

/* Each stored hash is told by its tile, at its narrowest and wider, and by no other. */
static void hashes(void **state)
{
	struct log_fixture log = { 0 };
	for (unsigned i = 0; i < 300; i++)
		log_add(&log, span_make(&i, sizeof i));
	for (unsigned height = 1; height <= 10; height++) {
		for (uint64_t place = 0; place < tlog_stored(log.size); place++) {
			uint32_t begin, count;
			struct tlog_hash h;
			struct mg_buf body = BUF_MAX(1 << 16);
			struct tile wide, t = tile_of_index(height, place, &begin, &count);
			assert_true(tile_in_tree(height, t.level, t.number, log.size, &wide));
			assert_true(wide.width >= t.width);
			log_tile(&log, &wide, &body);
			const struct tlog_hash *row = (const void *)body.p;
			assert_true(tile_hash(&t, row, place, &h));
			assert_true(tlog_hash_eq(&h, &log.stored[place]));
			assert_true(tile_hash(&wide, row, place, &h));
			assert_true(tlog_hash_eq(&h, &log.stored[place]));
			if (t.width > 1) {
				t.width--;
				assert_false(tile_hash(&t, row, place, &h));
				t.width++;
			}
			t.number++;
			assert_false(tile_hash(&t, row, place, &h));
			buf_deinit(&body);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),   cmocka_unit_test(longest_path),
		cmocka_unit_test(in_tree), cmocka_unit_test(of_index),
		cmocka_unit_test(hashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
