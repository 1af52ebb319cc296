/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "cli/settings.h"

static enum mg_code set(struct settings *s, const char *name, const char *text, struct mg_err *err)
{
	const struct settings_def *def = settings_find(span_of(name));
	assert_non_null(def);
	return settings_set(s, def, span_of(text), err);
}

static void every_default_is_in_its_bounds(void **state)
{
	struct settings s;
	settings_init(&s); /* asserts it */
	assert_int_equal(s.drain_timeout, 30000);
	assert_int_equal(s.hot_cache, 32u << 20);
	assert_int_equal(s.log_level, LOG_LEVEL_INFO);
	assert_true(s.sandbox);
	assert_string_equal(s.goproxy, "");
	settings_deinit(&s);
}

static void every_kind_takes_its_values(void **state)
{
	struct settings s;
	settings_init(&s);
	assert_int_equal(set(&s, "listen", "127.0.0.1:1, [::1]:2", NULL), MG_OK);
	assert_int_equal(s.listen.n, 2);
	assert_string_equal(s.listen.items[1], "[::1]:2");
	assert_int_equal(set(&s, "log.format", "json", NULL), MG_OK);
	assert_int_equal(s.log_format, LOG_FORMAT_JSON);
	assert_int_equal(set(&s, "offline", "yes", NULL), MG_OK);
	assert_true(s.offline);
	assert_int_equal(set(&s, "upstream.retries", "0", NULL), MG_OK);
	assert_int_equal(s.upstream_retries, 0);
	settings_deinit(&s);
}

static void bad_values_change_nothing(void **state)
{
	static const struct {
		const char *name, *text, *says;
	} cases[] = {
		{ "listen", "", "empty item" },
		{ "listen", "a:1,,b:2", "empty item" },
		{ "log.level", "loud", "debug, info, warn or error" },
		{ "offline", "maybe", "true or false" },
		{ "workers", "-1", "a number" },
		{ "workers", "33", "between 0 and 32" },
		{ "upstream.per-host", "0", "between 1 and 1024" },
		{ "drain-timeout", "2d", "between 0 and 1h" },
		{ "fetch.timeout", "1ms", "between 1s and 1d" },
		{ "hot-cache", "2TiB", "between 0 and 1TiB" },
		{ "store", "a\nb", "control characters" },
	};
	struct settings s;
	struct mg_buf before = BUF_MAX(1u << 16), after = BUF_MAX(1u << 16);
	settings_init(&s);
	settings_encode(&s, true, &before);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_err err;
		assert_int_equal(set(&s, cases[i].name, cases[i].text, &err), MG_INVALID);
		if (strstr(err.text, cases[i].says) == NULL) fail_msg("%s", err.text);
	}
	settings_encode(&s, true, &after);
	assert_true(span_eq(buf_span(&before), buf_span(&after)));
	buf_deinit(&before);
	buf_deinit(&after);
	settings_deinit(&s);
}

static void a_child_reads_what_the_supervisor_wrote(void **state)
{
	struct settings s, child;
	struct mg_buf text = BUF_MAX(1u << 16), again = BUF_MAX(1u << 16);
	struct mg_err err;
	settings_init(&s);
	settings_init(&child);
	assert_int_equal(set(&s, "listen", "[::]:1", NULL), MG_OK);
	assert_int_equal(set(&s, "goproxy", "https://u:p=w@mirror.example|direct", NULL), MG_OK);
	assert_int_equal(set(&s, "list.fresh", "1m1ms", NULL), MG_OK);
	settings_encode(&s, true, &text);
	assert_int_equal(settings_decode(buf_span(&text), &child, &err), MG_OK);
	settings_encode(&child, true, &again);
	assert_true(span_eq(buf_span(&text), buf_span(&again)));

	buf_clear(&text);
	settings_encode(&s, false, &text);
	assert_true(span_find(buf_span(&text), SPAN("mirror.example")) < 0);
	assert_int_equal(settings_decode(SPAN("nonsense=1\n"), &child, &err), MG_INVALID);
	assert_int_equal(settings_decode(SPAN("store\n"), &child, &err), MG_INVALID);
	buf_deinit(&text);
	buf_deinit(&again);
	settings_deinit(&s);
	settings_deinit(&child);
}

static void credentials_are_blotted_out(void **state)
{
	static const struct {
		const char *plain, *shown;
	} cases[] = {
		{ "direct", "direct" },
		{ "https://mirror.example/a@b", "https://mirror.example/a@b" },
		{ "https://u:p@mirror.example", "https://***@mirror.example" },
		{ "https://u:p@q@a,http://t@b|direct", "https://***@a,http://***@b|direct" },
		{ "https://mirror.example/go?token=p|direct",
		  "https://mirror.example/go?***|direct" },
		{ "u:p@mirror.example/go,direct", "***@mirror.example/go,direct" },
		{ "https://u:p/q@mirror.example", "https://***@mirror.example" },
		{ "https://mirror.example:80/@x|[::1]:80/@y",
		  "https://mirror.example:80/@x|[::1]:80/@y" },
		{ "https://", "https://" },
	};
	const struct settings_def *def = settings_find(SPAN("goproxy"));
	struct mg_buf shown = BUF_MAX(1000);
	struct settings s;
	settings_init(&s);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(settings_set(&s, def, span_of(cases[i].plain), NULL), MG_OK);
		buf_clear(&shown);
		settings_text_redacted(&s, def, &shown);
		assert_string_equal(buf_cstr(&shown), cases[i].shown);
	}
	buf_deinit(&shown);
	settings_deinit(&s);
}

static void names_in_three_places(void **state)
{
	struct mg_buf name = BUF_MAX(100);
	const struct settings_def *def = settings_find(SPAN("upstream.first-byte-timeout"));
	settings_env_name(def, &name);
	assert_string_equal(buf_cstr(&name), "MODGATE_UPSTREAM_FIRST_BYTE_TIMEOUT");
	buf_clear(&name);
	settings_flag_name(def, &name);
	assert_string_equal(buf_cstr(&name), "--upstream-first-byte-timeout");
	buf_deinit(&name);
}

static void names_do_not_collide(void **state)
{
	struct mg_buf a = BUF_MAX(100), b = BUF_MAX(100);
	for (size_t i = 0; i < settings_count(); i++)
		for (size_t j = 0; j < i; j++) {
			buf_clear(&a);
			buf_clear(&b);
			settings_env_name(settings_def(i), &a);
			settings_env_name(settings_def(j), &b);
			assert_false(span_eq(buf_span(&a), buf_span(&b)));
		}
	buf_deinit(&a);
	buf_deinit(&b);
}

static void the_nearest_name(void **state)
{
	static const struct {
		const char *wrong, *meant;
	} cases[] = {
		{ "stroe", "store" },
		{ "lisen", "listen" },
		{ "log.levle", "log.level" },
		{ "level", "log.level" },
		{ "upstream.level", "log.level" },
		{ "upstreams.retries", "upstream.retries" },
		{ "path_prefix", "path-prefix" },
		{ "go-proxy", "goproxy" },
		{ "zebra", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct settings_def *near = settings_nearest(span_of(cases[i].wrong));
		if (cases[i].meant == NULL)
			assert_null(near);
		else
			assert_string_equal(near ? near->name : "nothing", cases[i].meant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_is_in_its_bounds),
		cmocka_unit_test(every_kind_takes_its_values),
		cmocka_unit_test(bad_values_change_nothing),
		cmocka_unit_test(a_child_reads_what_the_supervisor_wrote),
		cmocka_unit_test(credentials_are_blotted_out),
		cmocka_unit_test(names_in_three_places),
		cmocka_unit_test(names_do_not_collide),
		cmocka_unit_test(the_nearest_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
