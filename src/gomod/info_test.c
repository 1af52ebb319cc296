/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/info.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum mg_code parse(enum target_kind kind, const char *path, const char *version,
			  struct mg_span json, struct mg_buf *printed, struct mg_err *err)
{
	struct arena a = ARENA_INIT;
	struct target t;
	struct info info;
	assert_int_equal(target_make(kind, span_of(path), span_of(version), &a, &t, NULL), MG_OK);
	enum mg_code rc = info_parse(json, &t, &a, &info, err);
	if (rc == MG_OK) info_write(&info, printed);
	arena_deinit(&a);
	return rc;
}

static void accepted(void **state)
{
	static const struct {
		enum target_kind kind;
		const char *path, *version, *json, *printed;
	} rows[] = {
		{ TARGET_INFO, "a.b/m", "v1.2.3",
		  "{\"Version\":\"v1.2.3\",\"Time\":\"2020-01-01T03:00:00Z\"}",
		  "{\"Version\":\"v1.2.3\",\"Time\":\"2020-01-01T03:00:00Z\"}" },
		{ TARGET_INFO, "a.b/m", "v1.2.3",
		  " {\"Time\":\"2020-01-01T04:00:00.5+01:00\", \"Origin\":{\"VCS\":\"git\"},"
		  "\"version\":\"v1.2.3\"} \n",
		  "{\"Version\":\"v1.2.3\",\"Time\":\"2020-01-01T03:00:00Z\"}" },
		{ TARGET_INFO, "a.b/m", "v1.2.3", "{\"Version\":\"v1.2.3\"}",
		  "{\"Version\":\"v1.2.3\"}" },
		{ TARGET_INFO, "a.b/m", "v1.2.3", "{\"Version\":\"v1.2.3\",\"Time\":null}",
		  "{\"Version\":\"v1.2.3\"}" },
		{ TARGET_QUERY, "a.b/m", "main",
		  "{\"Version\":\"v0.0.0-20200101030000-abcdefabcdef\"}",
		  "{\"Version\":\"v0.0.0-20200101030000-abcdefabcdef\"}" },
		{ TARGET_QUERY, "a.b/m", "v2.0.0", "{\"Version\":\"v2.0.0+incompatible\"}",
		  "{\"Version\":\"v2.0.0+incompatible\"}" },
		{ TARGET_LATEST, "a.b/m/v3", "", "{\"Version\":\"v3.1.0\"}",
		  "{\"Version\":\"v3.1.0\"}" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(1000);
		assert_int_equal(parse(rows[i].kind, rows[i].path, rows[i].version,
				       span_of(rows[i].json), &out, NULL),
				 MG_OK);
		assert_true(span_eq(buf_span(&out), span_of(rows[i].printed)));
		buf_deinit(&out);
	}
}

static void refused(void **state)
{
	static const struct {
		enum target_kind kind;
		const char *json;
	} rows[] = {
		{ TARGET_INFO, "" },
		{ TARGET_INFO, "not found" },
		{ TARGET_INFO, "[]" },
		{ TARGET_INFO, "null" },
		{ TARGET_INFO, "{}" },
		{ TARGET_INFO, "{\"Version\":1}" },
		{ TARGET_INFO, "{\"Version\":\"v1.2.4\"}" },
		{ TARGET_INFO, "{\"Version\":\"v1.2.3+meta\"}" },
		{ TARGET_INFO, "\xef\xbb\xbf{\"Version\":\"v1.2.3\"}" },
		{ TARGET_INFO, "{\"Version\":\"v1.2.3\"}x" },
		{ TARGET_INFO, "{\"Version\":\"v1.2.3\",\"Time\":\"\"}" },
		{ TARGET_INFO, "{\"Version\":\"v1.2.3\",\"Time\":\"2020-01-01 03:00:00Z\"}" },
		{ TARGET_INFO, "{\"Version\":\"v1.2.3\",\"Time\":1577847600}" },
		{ TARGET_INFO, "{\"Version\":\"v1.2.3\",\"Time\":true}" },
		{ TARGET_QUERY, "{\"Version\":\"\"}" },
		{ TARGET_QUERY, "{\"Version\":\"main\"}" },
		{ TARGET_QUERY, "{\"Version\":\"v1.2.0+meta\"}" },
		{ TARGET_QUERY, "{\"Version\":\"v2.0.0\"}" },
		{ TARGET_LATEST, "{\"Version\":\"v1\"}" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_err err = { 0 };
		const char *version = rows[i].kind == TARGET_INFO    ? "v1.2.3"
				      : rows[i].kind == TARGET_QUERY ? "main"
								     : "";
		assert_int_equal(
			parse(rows[i].kind, "a.b/m", version, span_of(rows[i].json), NULL, &err),
			MG_CORRUPT);
		assert_int_equal(err.cause, MG_CAUSE_UPSTREAM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(accepted), cmocka_unit_test(refused) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
