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

#include "cli/athens.h"
#include "cli/envlist.h"

static const char *value_of(struct draft *d, const char *name, struct mg_buf *text)
{
	buf_clear(text);
	settings_text(&d->settings, settings_find(span_of(name)), text);
	return buf_cstr(text);
}

static void names_that_have_an_equal(void **state)
{
	static const struct {
		const char *env, *name, *value;
	} cases[] = {
		{ "ATHENS_DISK_STORAGE_ROOT=/srv/a", "store", "/srv/a" },
		{ "ATHENS_PORT=:3000", "listen", ":3000" },
		{ "ATHENS_PORT=3000", "listen", ":3000" },
		{ "ATHENS_PATH_PREFIX=/go", "path-prefix", "/go" },
		{ "ATHENS_LOG_LEVEL=warning", "log.level", "warn" },
		{ "ATHENS_LOG_LEVEL=panic", "log.level", "error" },
		{ "ATHENS_LOG_FORMAT=json", "log.format", "json" },
		{ "ATHENS_LOG_FORMAT=plain", "log.format", "logfmt" },
		{ "ATHENS_DOWNLOAD_MODE=none", "offline", "true" },
		{ "ATHENS_DOWNLOAD_MODE=sync", "offline", "false" },
		{ "ATHENS_SHUTDOWN_TIMEOUT=60", "drain-timeout", "1m" },
		{ "ATHENS_GONOSUM_PATTERNS=a.example/*", "gonosumdb", "a.example/*" },
		{ "ATHENS_GO_BINARY_ENV_VARS=GOPROXY=https://a,direct; GOPRIVATE=b", "goproxy",
		  "https://a,direct" },
		{ "ATHENS_GO_BINARY_ENV_VARS=GOPROXY=https://a,direct; GOPRIVATE=b", "goprivate",
		  "b" },
	};
	struct mg_buf text = BUF_MAX(4096);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct draft d;
		char *env[] = { (char *)(uintptr_t)cases[i].env, NULL };
		draft_init(&d);
		athens_apply(&d, env);
		assert_string_equal(value_of(&d, cases[i].name, &text), cases[i].value);
		assert_int_equal(d.errors, 0);
		assert_non_null(d.notes); /* told */
		draft_deinit(&d);
	}
	buf_deinit(&text);
}

static void one_port_speaks_tls_where_there_is_a_certificate(void **state)
{
	static const char *const names[] = { "ATHENS_PORT=3000", "ATHENS_TLSCERT_FILE=/c",
					     "ATHENS_TLSKEY_FILE=/k", NULL };
	struct draft d;

	draft_init(&d);
	athens_apply(&d, (char *const *)(uintptr_t)names);
	assert_int_equal(d.errors, 0);
	assert_string_equal(d.settings.listen.items[0], "https://:3000");
	assert_string_equal(d.settings.tls_cert.items[0], "/c");
	assert_string_equal(d.settings.tls_key.items[0], "/k");
	draft_deinit(&d);
}

static void what_protected_must_not_fall_away(void **state)
{
	static const char *const cases[] = {
		"BASIC_AUTH_USER=u",      "BASIC_AUTH_PASS=p",
		"ATHENS_FILTER_FILE=/f",  "ATHENS_PROXY_VALIDATOR=http://v",
		"ATHENS_STORAGE_TYPE=s3", "ATHENS_DOWNLOAD_MODE=file:/rules",
		"ATHENS_PORT=x:y:z,,",    "ATHENS_SHUTDOWN_TIMEOUT=soon",
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct draft d;
		char *env[] = { (char *)(uintptr_t)cases[i], NULL };
		draft_init(&d);
		athens_apply(&d, env);
		if (d.errors != 1) fail_msg("%s", cases[i]);
		draft_deinit(&d);
	}
}

static void the_rest_is_told_or_passed_over(void **state)
{
	static const struct {
		const char *env;
		int level; /* -1: nothing is said */
	} cases[] = {
		{ "ATHENS_STORAGE_TYPE=memory", LOG_LEVEL_WARN },
		{ "ATHENS_STORAGE_TYPE=disk", LOG_LEVEL_INFO },
		{ "ATHENS_DOWNLOAD_MODE=redirect", LOG_LEVEL_WARN },
		{ "ATHENS_NETWORK_MODE=strict", LOG_LEVEL_INFO },
		{ "ATHENS_GITHUB_TOKEN=t", LOG_LEVEL_WARN },
		{ "ATHENS_NO_SUCH=1", LOG_LEVEL_WARN },
		{ "ATHENS_NO_SUCH=", -1 },
		{ "ATHENS_SERVICE_HOST=10.0.0.1", -1 },
		{ "ATHENS_PORT=tcp://10.0.0.1:80", -1 },
		{ "ATHENS_PORT_80_TCP_ADDR=10.0.0.1", -1 },
		{ "PATH=/bin", -1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct draft d;
		char *env[] = { (char *)(uintptr_t)cases[i].env, NULL };
		draft_init(&d);
		athens_apply(&d, env);
		assert_int_equal(d.errors, 0);
		int level = d.notes != NULL ? (int)d.notes->level : -1;
		if (level != cases[i].level) fail_msg("%s: %d", cases[i].env, level);
		draft_deinit(&d);
	}
}

static void secrets_are_not_repeated(void **state)
{
	struct draft d;
	char *env[] = { (char *)(uintptr_t) "BASIC_AUTH_PASS=hunter2",
			(char *)(uintptr_t) "ATHENS_GITHUB_TOKEN=hunter2", NULL };
	draft_init(&d);
	athens_apply(&d, env);
	for (const struct draft_note *n = d.notes; n != NULL; n = n->next)
		assert_null(strstr(n->text, "hunter2"));
	draft_deinit(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_have_an_equal),
		cmocka_unit_test(one_port_speaks_tls_where_there_is_a_certificate),
		cmocka_unit_test(what_protected_must_not_fall_away),
		cmocka_unit_test(the_rest_is_told_or_passed_over),
		cmocka_unit_test(secrets_are_not_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
