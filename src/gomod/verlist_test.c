/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/verlist.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void bodies(void **state)
{
	static const struct {
		const char *path, *body, *printed; /* NULL: MG_CORRUPT */
	} rows[] = {
		{ "a.b/m", "v1.0.0\nv1.1.0\n", "v1.0.0\nv1.1.0\n" },
		{ "a.b/m", "v1.10.0\r\nv1.9.0\r\n\r\nv1.9.0", "v1.9.0\nv1.10.0\n" },
		{ "a.b/m", "", "" },
		{ "a.b/m", " \n\t\r\n", "" },
		{ "a.b/m", "v1.0.0 2020-01-01T00:00:00Z\n", "v1.0.0\n" },
		{ "a.b/m", "junk\nv1.0.0\n", "v1.0.0\n" },
		{ "a.b/m", "v2.0.0\nv2.0.0+incompatible\nv1.1\nv1.2.0+meta\n",
		  "v2.0.0+incompatible\n" },
		{ "a.b/m/v2", "v2.0.0\nv1.0.0\nv2.1.0-rc.1\n", "v2.0.0\nv2.1.0-rc.1\n" },
		{ "a.b/m", "v0.0.0-20200101000000-abcdefabcdef\n", "" },
		{ "a.b/m", "<html>\n<body>no</body>\n", NULL },
		{ "a.b/m", "junk", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = ARENA_INIT;
		struct verlist list = VERLIST_INIT;
		struct mg_buf out = BUF_MAX(1000);
		enum mg_code rc = verlist_parse(span_of(rows[i].body), span_of(rows[i].path), &a,
						&list, NULL);
		assert_int_equal(rc, rows[i].printed != NULL ? MG_OK : MG_CORRUPT);
		verlist_sort(&list);
		verlist_print(&list, &out);
		assert_true(span_eq(buf_span(&out), span_of(rows[i].printed)));
		buf_deinit(&out);
		arena_deinit(&a);
	}
}

static void union_of_two(void **state)
{
	struct arena a = ARENA_INIT;
	struct verlist list = VERLIST_INIT;
	struct mg_buf body = BUF_MAX(100000), out = BUF_MAX(100000);
	for (int i = 0; i < 500; i++)
		buf_printf(&body, "v1.0.%d\n", i);
	assert_int_equal(verlist_parse(buf_span(&body), SPAN("a.b/m"), &a, &list, NULL), MG_OK);
	assert_int_equal(verlist_parse(SPAN("v1.0.3\nv0.9.0\n"), SPAN("a.b/m"), &a, &list, NULL),
			 MG_OK);
	verlist_add(&list, SPAN("v1.0.499"), &a);
	verlist_sort(&list);
	assert_int_equal(list.n, 501);
	verlist_print(&list, &out);
	assert_true(span_has_prefix(buf_span(&out), SPAN("v0.9.0\nv1.0.0\nv1.0.1\n")));
	assert_true(span_has_suffix(buf_span(&out), SPAN("v1.0.498\nv1.0.499\n")));
	buf_deinit(&body);
	buf_deinit(&out);
	arena_deinit(&a);
}

static void latest(void **state)
{
	static const struct {
		const char *body, *highest_compatible, *latest, *latest_incompatible;
	} rows[] = {
		{ "", "", "", "" },
		{ "v1.0.0\nv1.1.0\nv1.2.0-rc.1\n", "v1.2.0-rc.1", "v1.1.0", "v1.1.0" },
		{ "v1.0.0-a\nv1.0.0-b\n", "v1.0.0-b", "v1.0.0-b", "v1.0.0-b" },
		{ "v1.0.0\nv2.0.0+incompatible\n", "v1.0.0", "v1.0.0", "v2.0.0+incompatible" },
		{ "v2.0.0+incompatible\nv3.0.0+incompatible\n", "", "v3.0.0+incompatible",
		  "v3.0.0+incompatible" },
		{ "v1.0.0-a\nv2.0.0+incompatible\n", "v1.0.0-a", "v1.0.0-a",
		  "v2.0.0+incompatible" },
		{ "v1.0.0\nv3.1.0-beta+incompatible\n", "v1.0.0", "v1.0.0", "v1.0.0" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = ARENA_INIT;
		struct verlist list = VERLIST_INIT;
		assert_int_equal(
			verlist_parse(span_of(rows[i].body), SPAN("a.b/m"), &a, &list, NULL),
			MG_OK);
		assert_true(span_eq(verlist_highest_compatible(&list),
				    span_of(rows[i].highest_compatible)));
		assert_true(span_eq(verlist_latest(&list, false), span_of(rows[i].latest)));
		assert_true(
			span_eq(verlist_latest(&list, true), span_of(rows[i].latest_incompatible)));
		arena_deinit(&a);
	}
}

static void newest(void **state)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ "", "" },
		{ "v1.0.0\n", "" },
		{ "v0.0.0-20200101000000-abcdefabcdef\nv0.0.0-20210101000000-abcdefabcdef\n"
		  "v0.0.0-20190101000000-abcdefabcdef\n",
		  "v0.0.0-20210101000000-abcdefabcdef" },
		{ "v0.0.0-20200101000000-abcdefabcdef\nv1.0.0 2022-01-01T00:00:00Z\n", "v1.0.0" },
		{ "v1.0.0 yesterday\nx 2022-01-01T00:00:00Z\n", "" },
		{ "v0.0.0-20201301000000-abcdefabcdef\n", "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_true(span_eq(verlist_newest(span_of(rows[i].body)), span_of(rows[i].want)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(union_of_two),
		cmocka_unit_test(latest),
		cmocka_unit_test(newest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
