/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/tilereader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sumdb/log_fixture.h"

struct server {
	struct log_fixture log;
	struct arena arena;
	size_t flipped; /* with flip_on: this byte of the n-th tile read is changed */
	size_t flipped_tile;
	bool flip_on;
	int grow; /* hashes too many or too few in each tile */
	size_t reads, saved;
};

static enum mg_code read_tiles(void *arg, const struct tile *tiles, size_t n,
			       struct mg_span *bodies, struct mg_err *err)
{
	struct server *s = arg;
	for (size_t i = 0; i < n; i++) {
		struct mg_buf body = BUF_MAX(1 << 20);
		log_tile(&s->log, &tiles[i], &body);
		if (s->flip_on && i == s->flipped_tile) body.p[s->flipped % body.n] ^= 1;
		if (s->grow > 0) buf_append(&body, SPAN("01234567890123456789012345678901"));
		if (s->grow < 0) body.n -= 32;
		bodies[i] = arena_dup(&s->arena, buf_span(&body));
		buf_deinit(&body);
	}
	s->reads += n;
	return MG_OK;
}

/* Only what is right may be saved. */
static enum mg_code save_tiles(void *arg, const struct tile *tiles, size_t n,
			       const struct mg_span *bodies, struct mg_err *err)
{
	struct server *s = arg;
	bool zero_on = s->log.zero_on;
	s->log.zero_on = false;
	for (size_t i = 0; i < n; i++) {
		struct mg_buf body = BUF_MAX(1 << 20);
		log_tile(&s->log, &tiles[i], &body);
		assert_true(span_eq(buf_span(&body), bodies[i]));
		buf_deinit(&body);
	}
	s->log.zero_on = zero_on;
	s->saved += n;
	return MG_OK;
}

static struct tilereader reader_of(struct server *s, unsigned height)
{
	return (struct tilereader){ .tree = log_head(&s->log, s->log.size),
				    .height = height,
				    .arena = &s->arena,
				    .read = read_tiles,
				    .save = save_tiles,
				    .arg = s };
}

static void forget(struct server *s)
{
	arena_deinit(&s->arena);
	s->arena = ARENA_INIT;
}

static void check_all(struct server *s, const struct tilereader *r, const uint64_t *all, size_t n)
{
	struct tlog_hash got[LOG_HASHES_MAX];
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tilereader_read((void *)(uintptr_t)r, &all[i], 1, got, NULL),
				 MG_OK);
		assert_true(tlog_hash_eq(&got[0], &s->log.stored[i]));
		forget(s);
	}
	assert_int_equal(tilereader_read((void *)(uintptr_t)r, all, n, got, NULL), MG_OK);
	assert_memory_equal(got, s->log.stored, n * sizeof *got);
	assert_int_equal(s->saved, s->reads);
	forget(s);
}

/* CVE-2026-56865: with any stored hash served as zeroes, neither it nor all of them can be read. */
static void t03_tampered(void **state)
{
	static struct server s;
	static struct tlog_hash got[LOG_HASHES_MAX];
	uint64_t all[LOG_HASHES_MAX];
	for (unsigned size = 1; size <= 100; size++) {
		log_add(&s.log, span_make(&size, sizeof size));
		struct tilereader r = reader_of(&s, 2);
		size_t n = tlog_stored(size);
		for (size_t i = 0; i < n; i++)
			all[i] = i;
		check_all(&s, &r, all, n);
		s.log.zero_on = true;
		for (size_t i = 0; i < n; i++) {
			s.log.zeroed = i;
			size_t saved = s.saved;
			assert_int_equal(tilereader_read(&r, &all[i], 1, got, NULL), MG_CORRUPT);
			assert_int_equal(tilereader_read(&r, all, n, got, NULL), MG_CORRUPT);
			assert_int_equal(s.saved, saved);
			forget(&s);
		}
		s.log.zero_on = false;
		s.reads = s.saved = 0;
	}
}

/* One byte of one of the tiles that a read takes, each in turn. */
static void flipped(void **state)
{
	static struct server s;
	for (unsigned i = 0; i < 100; i++)
		log_add(&s.log, span_make(&i, sizeof i));
	struct tilereader r = reader_of(&s, 3);
	for (uint64_t place = 0; place < tlog_stored(100); place += 7) {
		struct tlog_hash got;
		s.flip_on = false;
		s.reads = 0;
		assert_int_equal(tilereader_read(&r, &place, 1, &got, NULL), MG_OK);
		size_t tiles = s.reads;
		s.flip_on = true;
		for (s.flipped_tile = 0; s.flipped_tile < tiles; s.flipped_tile++)
			for (s.flipped = 0; s.flipped < 8 * 32; s.flipped += 5)
				assert_int_equal(tilereader_read(&r, &place, 1, &got, NULL),
						 MG_CORRUPT);
		forget(&s);
	}
}

static void wrong_widths(void **state)
{
	static struct server s;
	for (unsigned i = 0; i < 9; i++)
		log_add(&s.log, span_make(&i, sizeof i));
	struct tilereader r = reader_of(&s, 2);
	uint64_t place = 3;
	struct tlog_hash got;
	for (s.grow = -1; s.grow <= 1; s.grow++)
		assert_int_equal(tilereader_read(&r, &place, 1, &got, NULL),
				 s.grow == 0 ? MG_OK : MG_CORRUPT);
	assert_int_equal(s.saved * 3, s.reads);
	forget(&s);
}

static void outside(void **state)
{
	static struct server s;
	struct tlog_hash got;
	for (unsigned i = 0; i < 9; i++)
		log_add(&s.log, span_make(&i, sizeof i));
	struct tilereader r = reader_of(&s, 2);
	uint64_t place = tlog_stored(9);
	assert_int_equal(tilereader_read(&r, &place, 1, &got, NULL), MG_INVALID);
	place = UINT64_MAX;
	assert_int_equal(tilereader_read(&r, &place, 1, &got, NULL), MG_INVALID);
	r.tree = treehead_empty();
	place = 0;
	assert_int_equal(tilereader_read(&r, &place, 1, &got, NULL), MG_INVALID);
	assert_int_equal(tilereader_read(&r, NULL, 0, &got, NULL), MG_OK);
	assert_int_equal(s.reads, 0);
	forget(&s);
}

/* A root that was never the tree's looks like bad tiles. */
static void wrong_root(void **state)
{
	static struct server s;
	struct tlog_hash got;
	uint64_t place = 0;
	log_add(&s.log, SPAN("one"));
	struct tilereader r = reader_of(&s, 8);
	memset(r.tree.root.b, 0, sizeof r.tree.root.b);
	assert_int_equal(tilereader_read(&r, &place, 1, &got, NULL), MG_CORRUPT);
	forget(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t03_tampered), cmocka_unit_test(flipped),
		cmocka_unit_test(wrong_widths), cmocka_unit_test(outside),
		cmocka_unit_test(wrong_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
