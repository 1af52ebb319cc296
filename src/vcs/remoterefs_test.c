/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/remoterefs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static enum mg_code parse(const char *text, struct remoterefs **out)
{
	struct mg_buf b = BUF_MAX(1 << 16);
	struct mg_err err;

	buf_append_str(&b, text);
	enum mg_code code = remoterefs_parse(&b, out, &err);
	assert_int_equal(b.n, 0);
	buf_deinit(&b);
	return code;
}

static void branches_tags_and_head_count(void **state)
{
	struct remoterefs *r = NULL;

	assert_int_equal(parse(A "\tHEAD\n" A "\trefs/heads/main\n" B "\trefs/pull/1/head\n" B
				 "\trefs/tags/v2.0.0\n" A "\trefs/tags/v1.0.0\n" B
				 "\trefs/tags/v1.0.0^{}\n",
			       &r),
			 MG_OK);
	assert_int_equal(r->n, 4);
	assert_int_equal(r->hash_n, 40);
	assert_null(remoterefs_find(r, SPAN("refs/pull/1/head")));
	assert_true(span_eq(remoterefs_find(r, SPAN("HEAD"))->hash, SPAN(A)));
	assert_true(span_eq(remoterefs_find(r, SPAN("refs/tags/v2.0.0"))->hash, SPAN(B)));
	/* Peeled. */
	assert_true(span_eq(remoterefs_find(r, SPAN("refs/tags/v1.0.0"))->hash, SPAN(B)));
	struct remoterefs *again = remoterefs_hold(r);
	remoterefs_release(&r);
	assert_true(span_eq(again->v[0].name, SPAN("HEAD")));
	remoterefs_release(&again);
}

static void an_empty_repository_has_none(void **state)
{
	struct remoterefs *r = NULL;

	assert_int_equal(parse("", &r), MG_OK);
	assert_int_equal(r->n, 0);
	assert_null(remoterefs_find(r, SPAN("HEAD")));
	remoterefs_release(&r);
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {
		"x",
		"\n",
		A,
		A "\t",
		A " refs/heads/main\n",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\trefs/heads/main\n",
		A "a\trefs/heads/main\n",
		A "\trefs/heads/main\n" C "\trefs/heads/other\n",
		A "\trefs/heads/main\n" B "\trefs/heads/main\n",
		A "\trefs/tags/v1.0.0^{}\n",
		A "\trefs/tags/v1.0.0\n" B "\trefs/tags/v1.0.1^{}\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct remoterefs *r = NULL;
		assert_int_equal(parse(bad[i], &r), MG_CORRUPT);
		assert_null(r);
	}
}

static void the_sum_is_of_what_counts(void **state)
{
	struct remoterefs *a = NULL, *b = NULL, *c = NULL;

	assert_int_equal(parse(A "\trefs/heads/main\n", &a), MG_OK);
	assert_int_equal(parse(A "\trefs/heads/main\n" B "\trefs/pull/1/head\n", &b), MG_OK);
	assert_int_equal(parse(B "\trefs/heads/main\n", &c), MG_OK);
	assert_memory_equal(a->sum, b->sum, sizeof a->sum);
	assert_memory_not_equal(a->sum, c->sum, sizeof a->sum);
	remoterefs_release(&a);
	remoterefs_release(&b);
	remoterefs_release(&c);
}

static void what_may_be_a_hash(void **state)
{
	assert_true(remoterefs_is_hash(SPAN("0123abc"), 40));
	assert_false(remoterefs_is_hash(SPAN("0123ab"), 40));
	assert_false(remoterefs_is_hash(SPAN("0123ABC"), 40));
	assert_true(remoterefs_is_hash(SPAN(A), 40));
	assert_false(remoterefs_is_hash(SPAN(A "a"), 40));
	assert_true(remoterefs_is_hash(SPAN(C), 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches_tags_and_head_count),
		cmocka_unit_test(an_empty_repository_has_none),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(the_sum_is_of_what_counts),
		cmocka_unit_test(what_may_be_a_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
