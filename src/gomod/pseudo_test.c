/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/pseudo.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T "20191109021931"
#define R "daa7c04131f5"

static void recogniser(void **state)
{
	static const char *const good[] = {
		"v0.0.0-" T "-" R,
		"v2.0.0-" T "-" R,
		"v1.2.4-0." T "-" R,
		"v1.2.3-pre.0." T "-" R,
		"v2.0.1-0." T "-" R "+incompatible",
		"v1.0.0-0." T "-" R,
		"v2.0.0-" T "-" R "+incompatible",
		"v1.2.3-a-b.c.0." T "-x",
		("v1.2.3-0.99999999999999-" R),
	};
	static const char *const bad[] = {
		"",
		"v1.2.3",
		"v1.2.3-" T "-" R,
		"v1.1.0-" T "-" R,
		"v1.2.3-pre0." T "-" R,
		"v1.2.3-0.2019110902193-" R,
		"v1.2.3-0.201911090219311-" R,
		"v1.2.3-0." T,
		"v1.2.3-0." T "-",
		"v1.2.3-0." T "-a.b",
		"v0.0.0-" T "." R,
		"v1.2." T "-" R,
		"v0.0.0+" T "-" R,
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(pseudo_is(span_of(good[i])));
	struct mg_buf out = BUF_MAX(100);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int64_t at;
		assert_false(pseudo_is(span_of(bad[i])));
		assert_false(pseudo_time(span_of(bad[i]), &at));
		assert_int_equal(pseudo_base(span_of(bad[i]), &out, NULL), MG_INVALID);
	}
	buf_deinit(&out);
}

static void parts(void **state)
{
	struct pseudo p;
	assert_true(pseudo_parse(SPAN("v1.2.3-pre.0." T "-" R "+incompatible"), &p));
	assert_true(span_eq(p.rest, SPAN("v1.2.3-pre.0")));
	assert_true(span_eq(p.time, SPAN(T)));
	assert_true(span_eq(p.rev, SPAN(R)));
	assert_true(span_eq(p.build, SPAN("+incompatible")));
}

static void times(void **state)
{
	static const struct {
		const char *digits;
		bool ok;
		int64_t at;
	} rows[] = {
		{ "20191109021931", true, 1573265971 },   { "19700101000000", true, 0 },
		{ "00000101000000", true, -62167219200 }, { "20200229000000", true, 1582934400 },
		{ "20190229000000", false, 0 },           { "20191301000000", false, 0 },
		{ "20190001000000", false, 0 },           { "20190100000000", false, 0 },
		{ "20190132000000", false, 0 },           { "20190101240000", false, 0 },
		{ "20190101006000", false, 0 },           { "20190101000060", false, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf v = BUF_MAX(100);
		buf_printf(&v, "v0.0.0-%s-" R, rows[i].digits);
		int64_t at = 0;
		assert_int_equal(pseudo_time(buf_span(&v), &at), rows[i].ok);
		assert_int_equal(at, rows[i].at);
		buf_deinit(&v);
	}
}

static void bases(void **state)
{
	static const struct {
		const char *version, *base; /* NULL: an error */
	} rows[] = {
		{ "v0.0.0-" T "-" R, "" },
		{ "v1.2.4-0." T "-" R, "v1.2.3" },
		{ "v1.2.100-0." T "-" R, "v1.2.99" },
		{ "v1.2.10-0." T "-" R, "v1.2.9" },
		{ "v1.2.1-0." T "-" R, "v1.2.0" },
		{ "v1.2.210-0." T "-" R, "v1.2.209" },
		{ "v1.2.1000000000000000000000000000000-0." T "-" R,
		  "v1.2.999999999999999999999999999999" },
		{ "v2.0.1-0." T "-" R "+incompatible", "v2.0.0+incompatible" },
		{ "v1.2.3-pre.0." T "-" R, "v1.2.3-pre" },
		{ "v1.2.3-0.0." T "-" R, "v1.2.3-0" },
		{ "v1.0.0-0." T "-" R, NULL },
		{ "v2.0.0-" T "-" R "+incompatible", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(200);
		struct mg_err err;
		enum mg_code rc = pseudo_base(span_of(rows[i].version), &out, &err);
		assert_int_equal(rc, rows[i].base != NULL ? MG_OK : MG_INVALID);
		assert_true(span_eq(buf_span(&out), span_of(rows[i].base)));
		buf_deinit(&out);
	}
}

static void building(void **state)
{
	static const struct {
		const char *major, *base, *want;
	} rows[] = {
		{ "", "", "v0.0.0-" T "-" R },
		{ "v2", "", "v2.0.0-" T "-" R },
		{ "v2", "junk", "v2.0.0-" T "-" R },
		{ "", "v1.2.3", "v1.2.4-0." T "-" R },
		{ "", "v1.2", "v1.2.1-0." T "-" R },
		{ "", "v1.2.3+meta", "v1.2.4-0." T "-" R "+meta" },
		{ "", "v2.0.0+incompatible", "v2.0.1-0." T "-" R "+incompatible" },
		{ "", "v1.2.3-pre", "v1.2.3-pre.0." T "-" R },
		{ "", "v1.2.99999999999999999999", "v1.2.100000000000000000000-0." T "-" R },
		{ "", "v1.2.199", "v1.2.200-0." T "-" R },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(200);
		pseudo_build(span_of(rows[i].major), span_of(rows[i].base), 1573265971, SPAN(R),
			     &out);
		assert_true(span_eq(buf_span(&out), span_of(rows[i].want)));
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recogniser), cmocka_unit_test(parts),    cmocka_unit_test(times),
		cmocka_unit_test(bases),      cmocka_unit_test(building),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
