/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/tlog.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sumdb/log_fixture.h"

#define H1 "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void five_records(void **state)
{
	/* protocol §6.5 */
	static const char *const leaves[] = {
		"hEBdwhThY8qzlsOaeOptj1uUIQX7pgMSWDkvLedgQOE=",
		"EYKAYP4+aNMy5WHMqoaquZ9ZvNe5OHXWh6vIwE0Yav0=",
		"fJ7UznB7DqIDeiRJ6wBdd6tHyV53SOMHQIObofzzm3I=",
		"F7lX7XjymRNaK/JTp5OhZOc666embHOjWEaSGW+b4lQ=",
		"rn9hf0ObMDQo7FiqDEgjdT+jx77rcGmOOaCuWqRVTqE=",
	};
	static const char *const roots[] = {
		"hEBdwhThY8qzlsOaeOptj1uUIQX7pgMSWDkvLedgQOE=",
		"bYu9zBSY5JLWj8+me7OEvvwTfBxFafyoZnfEf9z3bSg=",
		"EiUWz5q8z1qiR/JNcnIsKkyOIR3G+DoFjFL2cZCRTMg=",
		"KeBjIJ1BMBMUVHoxf8oVvIr7zdZ4gF83sU/6Y/qku7E=",
		"eraqIRzoG/X67Ccp5snpK78x5Affgc/XrNC6FPScJQc=",
	};
	struct log_fixture log = { 0 };
	for (unsigned i = 0; i < 5; i++) {
		struct mg_buf text = BUF_MAX(1000);
		buf_printf(&text,
			   "example.com/m v1.0.%u " H1 "\nexample.com/m v1.0.%u/go.mod " H1 "\n", i,
			   i);
		struct tlog_hash leaf = tlog_record_hash(buf_span(&text));
		hash_is(&leaf, leaves[i]);
		log_add(&log, buf_span(&text));
		struct treehead head = log_head(&log, i + 1);
		hash_is(&head.root, roots[i]);
		buf_deinit(&text);
	}
	for (unsigned i = 0; i < 5; i++) {
		struct treehead head = log_head(&log, i + 1);
		hash_is(&head.root, roots[i]);
	}
	struct tile t = { 8, 0, 0, 5 };
	struct mg_buf body = BUF_MAX(1000);
	log_tile(&log, &t, &body);
	char hex[65] = "";
	uint8_t digest[SHA256_SIZE];
	sha256_of(buf_span(&body), digest);
	hex_encode(digest, sizeof digest, hex);
	assert_string_equal(hex, "a367a695181ccf5cd5564174532e3613"
				 "1e8ef388bd29655091be8f9dcac533b1");
	buf_deinit(&body);
}

static void indexes(void **state)
{
	static const struct {
		unsigned level;
		uint64_t n, index;
	} rows[] = {
		{ 0, 0, 0 }, { 0, 1, 1 }, { 1, 0, 2 },
		{ 0, 2, 3 }, { 0, 3, 4 }, { 1, 1, 5 },
		{ 2, 0, 6 }, { 0, 4, 7 }, { 0, 67638482, 135276956 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(tlog_index(rows[i].level, rows[i].n), rows[i].index);
	for (unsigned level = 0; level < 50; level++) {
		for (uint64_t n = 0; n < 200; n++) {
			unsigned l;
			uint64_t m;
			tlog_split_index(tlog_index(level, n), &l, &m);
			assert_true(l == level && m == n);
		}
	}
	/* Every index is one node. */
	for (uint64_t index = 0; index < 5000; index++) {
		unsigned l;
		uint64_t m;
		tlog_split_index(index, &l, &m);
		assert_int_equal(tlog_index(l, m), index);
	}
	uint64_t top;
	unsigned level;
	tlog_split_index(tlog_index(0, TLOG_SIZE_MAX - 1), &level, &top);
	assert_true(level == 0 && top == TLOG_SIZE_MAX - 1);
	tlog_split_index(tlog_index(60, 0), &level, &top);
	assert_true(level == 60 && top == 0);
}

static void stored(void **state)
{
	struct log_fixture log = { 0 };
	assert_int_equal(tlog_stored(0), 0);
	for (unsigned i = 0; i < 100; i++)
		log_add(&log, SPAN("record")); /* asserts the count */
	assert_int_equal(tlog_stored(100), 197);
}

static void empty(void **state)
{
	struct tlog_hash root, want = tlog_empty_root();
	assert_int_equal(tlog_root(NULL, 0, &root, NULL), MG_OK);
	assert_true(tlog_hash_eq(&root, &want));
	hash_is(&root, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void perfect(void **state)
{
	static struct tlog_hash row[1024];
	for (size_t i = 0; i < 1024; i++)
		row[i] = tlog_record_hash(span_make(&i, sizeof i));
	for (size_t n = 1; n <= 1024; n *= 2) {
		struct tlog_hash level[1024], got = tlog_perfect_root(row, n);
		memcpy(level, row, n * sizeof *row);
		for (size_t m = n; m > 1; m /= 2)
			for (size_t i = 0; i < m / 2; i++)
				level[i] = tlog_node_hash(&level[2 * i], &level[2 * i + 1]);
		assert_true(tlog_hash_eq(&got, &level[0]));
	}
}

static void subtrees(void **state)
{
	uint64_t places[TLOG_SUBTREE_MAX];
	assert_int_equal(tlog_subtrees(0, 0, places), 0);
	assert_int_equal(tlog_subtrees(0, 7, places), 3);
	assert_int_equal(places[0], tlog_index(2, 0));
	assert_int_equal(places[1], tlog_index(1, 2));
	assert_int_equal(places[2], tlog_index(0, 6));
	assert_int_equal(tlog_subtrees(4, 7, places), 2);
	assert_int_equal(tlog_subtrees(0, TLOG_SIZE_MAX - 1, places), 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_records), cmocka_unit_test(indexes),
		cmocka_unit_test(stored),       cmocka_unit_test(empty),
		cmocka_unit_test(perfect),      cmocka_unit_test(subtrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
