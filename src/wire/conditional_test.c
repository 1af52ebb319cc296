/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "wire/conditional.h"

#define ETAG     "\"abc\""
#define MODIFIED INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define NOW      INT64_C(1795425300)

#define FULL          CONDITIONAL_FULL
#define NOT_MODIFIED  CONDITIONAL_NOT_MODIFIED
#define PARTIAL       CONDITIONAL_PARTIAL
#define UNSATISFIABLE CONDITIONAL_UNSATISFIABLE

struct request {
	const char *none_match, *since, *range, *if_range;
	enum head_method method;
};

static struct mg_span span_or_none(const char *s)
{
	return s ? span_of(s) : (struct mg_span){ 0 };
}

static struct head head_of(const struct request *r)
{
	struct head h = { .method = r->method };
	h.field[HEAD_FIELD_IF_NONE_MATCH] = span_or_none(r->none_match);
	h.field[HEAD_FIELD_IF_MODIFIED_SINCE] = span_or_none(r->since);
	h.field[HEAD_FIELD_RANGE] = span_or_none(r->range);
	h.field[HEAD_FIELD_IF_RANGE] = span_or_none(r->if_range);
	return h;
}

static void test_preconditions(void **state)
{
	static const struct {
		struct request r;
		enum conditional_verdict verdict;
	} cases[] = {
		{ { 0 }, FULL },
		{ { .none_match = ETAG }, NOT_MODIFIED },
		{ { .none_match = ETAG, .method = HEAD_HEAD }, NOT_MODIFIED },
		{ { .none_match = "W/" ETAG }, NOT_MODIFIED },
		{ { .none_match = "*" }, NOT_MODIFIED },
		{ { .none_match = "\"x\", W/\"y\" ,\t" ETAG }, NOT_MODIFIED },
		{ { .none_match = "\"a,b\"," ETAG }, NOT_MODIFIED },
		{ { .none_match = ", ,," ETAG "," }, NOT_MODIFIED },
		{ { .none_match = ETAG " x" }, NOT_MODIFIED },
		{ { .none_match = "\"x\"" }, FULL },
		{ { .none_match = "\"ABC\"" }, FULL },
		{ { .none_match = "abc" }, FULL },
		{ { .none_match = "w/" ETAG }, FULL },
		{ { .none_match = "W/ " ETAG }, FULL },
		{ { .none_match = "\"x\" " ETAG }, FULL },
		{ { .none_match = "\"x" ETAG }, FULL },
		{ { .none_match = "\"a b\"," ETAG }, FULL },
		{ { .none_match = "\"abc" }, FULL },
		{ { .none_match = "*, " ETAG }, FULL },
		{ { .none_match = "W/" }, FULL },
		{ { .none_match = "" }, FULL },
		{ { .none_match = "\"\"" }, FULL },
		{ { .since = "Sun, 06 Nov 1994 08:49:37 GMT" }, NOT_MODIFIED },
		{ { .since = "Sun Nov  6 08:49:38 1994" }, NOT_MODIFIED },
		{ { .since = "Sunday, 06-Nov-94 08:49:36 GMT" }, FULL },
		{ { .since = "yesterday" }, FULL },
		/* the tag, once it is there, has the only word */
		{ { .none_match = "\"x\"", .since = "Sun, 06 Nov 1994 08:49:37 GMT" }, FULL },
		{ { .none_match = ETAG, .since = "Sun, 06 Nov 1980 08:49:37 GMT" }, NOT_MODIFIED },
		{ { .none_match = ETAG, .range = "bytes=0-1" }, NOT_MODIFIED },
		{ { .none_match = "\"x\"", .range = "bytes=0-1" }, PARTIAL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct head h = head_of(&cases[i].r);
		uint64_t first, last;
		enum conditional_verdict v =
			conditional_judge(&h, SPAN(ETAG), MODIFIED, 10, NOW, &first, &last);
		if (v != cases[i].verdict) fail_msg("case %zu: verdict %d", i, v);
	}
}

static void test_no_validators(void **state)
{
	uint64_t first, last;
	struct head h = head_of(&(struct request){ .since = "Sun, 06 Nov 2094 08:49:37 GMT" });
	assert_int_equal(conditional_judge(&h, SPAN(""), -1, 10, NOW, &first, &last), FULL);
	h = head_of(&(struct request){ .none_match = "*" });
	assert_int_equal(conditional_judge(&h, SPAN(""), -1, 10, NOW, &first, &last), NOT_MODIFIED);
	h = head_of(&(struct request){ .none_match = "\"\"" });
	assert_int_equal(conditional_judge(&h, SPAN(""), -1, 10, NOW, &first, &last), FULL);
	h = head_of(&(struct request){ .range = "bytes=0-1", .if_range = "" });
	assert_int_equal(conditional_judge(&h, SPAN(""), -1, 10, NOW, &first, &last), FULL);
	h = head_of(&(struct request){ .range = "bytes=0-1",
				       .if_range = "Wed, 31 Dec 1969 23:59:59 GMT" });
	assert_int_equal(conditional_judge(&h, SPAN(""), -1, 10, NOW, &first, &last), FULL);
}

static void test_ranges(void **state)
{
	static const struct {
		const char *range;
		uint64_t size;
		enum conditional_verdict verdict;
		uint64_t first, last;
	} cases[] = {
		{ "bytes=0-0", 10, PARTIAL, 0, 0 },
		{ "bytes=0-9", 10, PARTIAL, 0, 9 },
		{ "bytes=2-5", 10, PARTIAL, 2, 5 },
		{ "bytes=2-50", 10, PARTIAL, 2, 9 },
		{ "bytes=9-", 10, PARTIAL, 9, 9 },
		{ "bytes=0-", 10, PARTIAL, 0, 9 },
		{ "bytes=-3", 10, PARTIAL, 7, 9 },
		{ "bytes=-10", 10, PARTIAL, 0, 9 },
		{ "bytes=-11", 10, PARTIAL, 0, 9 },
		{ "BYTES=1-1", 10, PARTIAL, 1, 1 },
		{ "bytes= 1-1", 10, PARTIAL, 1, 1 },
		{ "bytes=001-001", 10, PARTIAL, 1, 1 },
		{ "bytes=1-99999999999999999999999", 10, PARTIAL, 1, 9 },
		{ "bytes=-99999999999999999999999", 10, PARTIAL, 0, 9 },
		{ "bytes=0-18446744073709551615", UINT64_MAX, PARTIAL, 0, UINT64_MAX - 1 },
		{ "bytes=10-", 10, UNSATISFIABLE, 0, 0 },
		{ "bytes=10-20", 10, UNSATISFIABLE, 0, 0 },
		{ "bytes=99999999999999999999999-", 10, UNSATISFIABLE, 0, 0 },
		{ "bytes=-0", 10, UNSATISFIABLE, 0, 0 },
		{ "bytes=5-4", 10, FULL, 0, 0 },
		{ "bytes=50-40", 10, FULL, 0, 0 },
		{ "bytes=0-1,3-4", 10, FULL, 0, 0 },
		{ "bytes=0-1,", 10, FULL, 0, 0 },
		{ "bytes=", 10, FULL, 0, 0 },
		{ "bytes=-", 10, FULL, 0, 0 },
		{ "bytes=1", 10, FULL, 0, 0 },
		{ "bytes=1-2-3", 10, FULL, 0, 0 },
		{ "bytes=--1", 10, FULL, 0, 0 },
		{ "bytes=a-b", 10, FULL, 0, 0 },
		{ "bytes=1 - 2", 10, FULL, 0, 0 },
		{ "bytes =1-2", 10, FULL, 0, 0 },
		{ "lines=1-2", 10, FULL, 0, 0 },
		{ "bytes", 10, FULL, 0, 0 },
		{ "", 10, FULL, 0, 0 },
		{ "bytes=0-", 0, FULL, 0, 0 },
		{ "bytes=-1", 0, FULL, 0, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct head h = head_of(&(struct request){ .range = cases[i].range });
		uint64_t first = 0, last = 0;
		enum conditional_verdict v = conditional_judge(&h, SPAN(ETAG), MODIFIED,
							       cases[i].size, NOW, &first, &last);
		if (v != cases[i].verdict || first != cases[i].first || last != cases[i].last)
			fail_msg("%s of %llu: verdict %d", cases[i].range,
				 (unsigned long long)cases[i].size, v);
	}
	struct head h = head_of(&(struct request){ .range = "bytes=0-1", .method = HEAD_HEAD });
	uint64_t first, last;
	assert_int_equal(conditional_judge(&h, SPAN(ETAG), MODIFIED, 10, NOW, &first, &last), FULL);
}

static void test_if_range(void **state)
{
	static const struct {
		const char *if_range;
		int64_t now;
		enum conditional_verdict verdict;
	} cases[] = {
		{ ETAG, NOW, PARTIAL },
		{ "W/" ETAG, NOW, FULL },
		{ "\"x\"", NOW, FULL },
		{ ETAG ", " ETAG, NOW, FULL },
		{ "*", NOW, FULL },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", NOW, PARTIAL },
		{ "Sun, 06 Nov 1994 08:49:38 GMT", NOW, FULL },
		{ "Sun, 06 Nov 1994 08:49:36 GMT", NOW, FULL },
		/* written in the very second of the request: it may change again within it */
		{ "Sun, 06 Nov 1994 08:49:37 GMT", MODIFIED, FULL },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", MODIFIED + 1, PARTIAL },
		{ "nonsense", NOW, FULL },
		{ "", NOW, FULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct head h = head_of(
			&(struct request){ .range = "bytes=0-1", .if_range = cases[i].if_range });
		uint64_t first, last;
		enum conditional_verdict v = conditional_judge(&h, SPAN(ETAG), MODIFIED, 10,
							       cases[i].now, &first, &last);
		if (v != cases[i].verdict) fail_msg("%s: verdict %d", cases[i].if_range, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preconditions),
		cmocka_unit_test(test_no_validators),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_if_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
