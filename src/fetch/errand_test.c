/* SPDX-License-Identifier: Apache-2.0 */
/* Errands and reports as text. What they do is tested from outside: tests/cli/test_verify.py and others. */
#include "fetch/errand.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void what_is_printed_is_read(void **state)
{
	static const char *const good[] = { "verify", "verify repair", "warm", "acknowledge",
					    "acknowledge start-over" };
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct errand e;
		struct mg_err err;
		struct mg_buf out = BUF_MAX(100);
		bool complete;
		errand_init(&e);
		assert_int_equal(errand_line(&e, span_of(good[i]), &complete, &err), MG_OK);
		assert_true(complete);
		errand_print(&e, &out);
		assert_true(span_eq(span_first(buf_span(&out), out.n - 1), span_of(good[i])));
		buf_deinit(&out);
		errand_deinit(&e);
	}
}

static void nothing_else_is(void **state)
{
	static const char *const bad[] = { "",
					   "verify ",
					   "repair",
					   "want",
					   "want mod",
					   "want mod x",
					   "want mod @v1.0.0",
					   "want mod x.y/m@",
					   "want mod x.y/m@v1.0.0 ",
					   "want mod  x.y/m@v1.0.0",
					   "want list x.y/m@v1.0.0",
					   "want zip x.y/m@v2.0.0",
					   "want info x.y/m@master",
					   "want zip ../m@v1.0.0",
					   "warm x",
					   "refresh",
					   "module",
					   "module ",
					   "module x.y/m@v1.0.0",
					   "module ../m",
					   "acknowledge x" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct errand e;
		struct mg_err err;
		bool complete;
		errand_init(&e);
		assert_int_equal(errand_line(&e, span_of(bad[i]), &complete, &err), MG_INVALID);
		errand_deinit(&e);
	}
}

static void one_kind_at_a_time(void **state)
{
	struct errand e;
	struct mg_err err;
	bool complete;
	errand_init(&e);
	assert_int_equal(errand_line(&e, SPAN("want mod x.y/m@v1.0.0"), &complete, &err), MG_OK);
	assert_false(complete);
	assert_int_equal(errand_line(&e, SPAN("want mod x.y/m@v1.0.0"), &complete, &err), MG_OK);
	assert_int_equal(e.n, 1);
	assert_int_equal(errand_line(&e, SPAN("verify"), &complete, &err), MG_INVALID);
	assert_int_equal(errand_line(&e, SPAN("warm"), &complete, &err), MG_OK);
	assert_true(complete);
	errand_deinit(&e);
}

static void modules_to_refresh(void **state)
{
	struct errand e;
	struct mg_err err;
	struct mg_buf out = BUF_MAX(1000);
	bool complete;
	errand_init(&e);
	assert_int_equal(errand_line(&e, SPAN("module x.y/m"), &complete, &err), MG_OK);
	assert_false(complete);
	assert_int_equal(errand_line(&e, SPAN("module x.y/m/v2"), &complete, &err), MG_OK);
	assert_int_equal(errand_line(&e, SPAN("want mod x.y/m@v1.0.0"), &complete, &err),
			 MG_INVALID);
	assert_int_equal(errand_line(&e, SPAN("warm"), &complete, &err), MG_INVALID);
	assert_int_equal(errand_line(&e, SPAN("refresh"), &complete, &err), MG_OK);
	assert_true(complete);
	assert_int_equal(e.n, 2);
	errand_print(&e, &out);
	assert_string_equal(buf_cstr(&out), "module x.y/m\nmodule x.y/m/v2\nrefresh\n");
	buf_deinit(&out);
	errand_deinit(&e);
}

static void reports(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} cases[] = {
		{ "progress 1 2 3", true },
		{ "progress 18446744073709551615 0 0", true },
		{ "progress 18446744073709551616 0 0", false },
		{ "progress 1 2", false },
		{ "progress 1 2 3 4", false },
		{ "progress 1 2 3 ", false },
		{ "progress 01 2 3", false },
		{ "done 1 2 3 4 5 6 ", true },
		{ "done 1 2 3 4 5 6 because", true },
		{ "done 1 2 3 4 5 6", false },
		{ "finding healed a/b c d", true },
		{ "finding healed a/b ", true },
		{ "finding healed a/b", false },
		{ "finding healed  x", false },
		{ "finding Healed a/b x", false },
		{ "finding healed a\tb x", false },
		{ "failed ", true },
		{ "failed x\ny", false },
		{ "failed", false },
		{ "", false },
		{ "nonsense 1", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct report r;
		struct mg_buf out = BUF_MAX(1000);
		if (report_parse(span_of(cases[i].line), &r) != cases[i].good)
			fail_msg("%s", cases[i].line);
		if (cases[i].good) {
			report_print(&r, &out);
			assert_true(span_eq(span_first(buf_span(&out), out.n - 1),
					    span_of(cases[i].line)));
		}
		buf_deinit(&out);
	}
}

static void nothing_in_a_report_ends_its_line(void **state)
{
	struct mg_buf out = BUF_MAX(1000);
	report_print(&(struct report){ .type = REPORT_FINDING,
				       .word = SPAN("failed"),
				       .name = SPAN("a b\n/c"),
				       .text = SPAN("x\r\n\033[K\0y") },
		     &out);
	assert_string_equal(buf_cstr(&out), "finding failed a?b?/c x???[K?y\n");
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read),
		cmocka_unit_test(nothing_else_is),
		cmocka_unit_test(one_kind_at_a_time),
		cmocka_unit_test(modules_to_refresh),
		cmocka_unit_test(reports),
		cmocka_unit_test(nothing_in_a_report_ends_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
