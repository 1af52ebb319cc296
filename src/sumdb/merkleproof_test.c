/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/merkleproof.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sumdb/log_fixture.h"

static void fill(struct log_fixture *log, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		log_add(log, span_make(&i, sizeof i));
}

static struct tlog_hash leaf(const struct log_fixture *log, uint64_t n)
{
	return log->stored[tlog_index(0, n)];
}

/* protocol §6.6: the shapes of two small proofs. */
static void shapes(void **state)
{
	struct log_fixture log = { 0 };
	struct merkleproof p;
	fill(&log, 5);
	struct tlog_reader reader = log_reader(&log);
	struct tlog_hash l2 = leaf(&log, 2), l3 = leaf(&log, 3), l4 = leaf(&log, 4);
	assert_int_equal(merkleproof_of_record(&reader, 5, 2, &p, NULL), MG_OK);
	assert_int_equal(p.n, 3);
	assert_true(tlog_hash_eq(&p.hash[0], &l3));
	assert_true(tlog_hash_eq(&p.hash[1], &log.stored[tlog_index(1, 0)]));
	assert_true(tlog_hash_eq(&p.hash[2], &l4));
	assert_int_equal(merkleproof_of_tree(&reader, 5, 3, &p, NULL), MG_OK);
	assert_int_equal(p.n, 4);
	assert_true(tlog_hash_eq(&p.hash[0], &l2));
	assert_true(tlog_hash_eq(&p.hash[1], &l3));
	assert_true(tlog_hash_eq(&p.hash[2], &log.stored[tlog_index(1, 0)]));
	assert_true(tlog_hash_eq(&p.hash[3], &l4));
}

/* Each proof holds, and none with a hash changed, added or left out. */
static void records(void **state)
{
	struct log_fixture log = { 0 };
	struct tlog_reader reader = log_reader(&log);
	fill(&log, 70);
	for (uint64_t size = 1; size <= 70; size++) {
		struct treehead head = log_head(&log, size);
		for (uint64_t i = 0; i < size; i++) {
			struct merkleproof p = { 0 };
			struct tlog_hash own = leaf(&log, i);
			assert_int_equal(merkleproof_of_record(&reader, size, i, &p, NULL), MG_OK);
#define HOLDS(n, i) merkleproof_record_holds(p.hash, n, size, &head.root, i, &own)
			assert_true(HOLDS(p.n, i));
			assert_false(HOLDS(p.n + 1, i));
			assert_false(HOLDS(p.n, size));
			if (p.n > 0) assert_false(HOLDS(p.n - 1, i));
			if (size > 1) assert_false(HOLDS(p.n, (i + 1) % size));
			for (size_t k = 0; k < p.n; k++) {
				p.hash[k].b[0] ^= 1;
				assert_false(HOLDS(p.n, i));
				p.hash[k].b[0] ^= 1;
			}
#undef HOLDS
		}
	}
}

static void trees(void **state)
{
	struct log_fixture log = { 0 };
	struct tlog_reader reader = log_reader(&log);
	fill(&log, 70);
	for (uint64_t size = 1; size <= 70; size++) {
		struct treehead head = log_head(&log, size);
		for (uint64_t old = 1; old <= size; old++) {
			struct merkleproof p = { 0 };
			struct treehead before = log_head(&log, old);
			assert_int_equal(merkleproof_of_tree(&reader, size, old, &p, NULL), MG_OK);
#define HOLDS(n) merkleproof_tree_holds(p.hash, n, size, &head.root, old, &before.root)
			assert_true(HOLDS(p.n));
			assert_false(HOLDS(p.n + 1));
			if (p.n > 0) assert_false(HOLDS(p.n - 1));
			for (size_t k = 0; k < p.n; k++) {
				p.hash[k].b[31] ^= 0x80;
				assert_false(HOLDS(p.n));
				p.hash[k].b[31] ^= 0x80;
			}
			before.root.b[5] ^= 1;
			assert_false(HOLDS(p.n));
			before.root.b[5] ^= 1;
			head.root.b[5] ^= 1;
			assert_false(HOLDS(p.n));
			head.root.b[5] ^= 1;
#undef HOLDS
		}
	}
}

static void impossible(void **state)
{
	struct log_fixture log = { 0 };
	struct tlog_reader reader = log_reader(&log);
	struct merkleproof p = { 0 };
	struct tlog_hash h = { 0 };
	fill(&log, 3);
	assert_int_equal(merkleproof_of_record(&reader, 3, 3, &p, NULL), MG_INVALID);
	assert_int_equal(merkleproof_of_record(&reader, 0, 0, &p, NULL), MG_INVALID);
	assert_int_equal(merkleproof_of_tree(&reader, 3, 0, &p, NULL), MG_INVALID);
	assert_int_equal(merkleproof_of_tree(&reader, 3, 4, &p, NULL), MG_INVALID);
	assert_int_equal(merkleproof_of_tree(&reader, TLOG_SIZE_MAX + 1, 4, &p, NULL), MG_INVALID);
	assert_false(merkleproof_record_holds(&h, 0, 0, &h, 0, &h));
	assert_false(merkleproof_record_holds(&h, 0, UINT64_MAX, &h, 0, &h));
	assert_false(merkleproof_tree_holds(&h, 0, 3, &h, 0, &h));
	assert_false(merkleproof_tree_holds(&h, 0, UINT64_MAX, &h, UINT64_MAX, &h));
	assert_true(merkleproof_tree_holds(&h, 0, 3, &h, 3, &h));
}

/* The longest proofs there can be. */
static void largest(void **state)
{
	struct merkleproof p = { 0 };
	struct tlog_hash h = { 0 };
	assert_false(merkleproof_record_holds(p.hash, 60, TLOG_SIZE_MAX, &h, 12345, &h));
	assert_false(
		merkleproof_record_holds(p.hash, 60, TLOG_SIZE_MAX - 1, &h, TLOG_SIZE_MAX - 2, &h));
	assert_false(merkleproof_tree_holds(p.hash, 61, TLOG_SIZE_MAX, &h, TLOG_SIZE_MAX - 1, &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),     cmocka_unit_test(records), cmocka_unit_test(trees),
		cmocka_unit_test(impossible), cmocka_unit_test(largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
