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

#include "cli/upstreams.h"

static void our_own_addresses(void **state)
{
	static const struct {
		const char *listen, *url;
		bool ours;
	} cases[] = {
		{ "127.0.0.1:3000", "http://127.0.0.1:3000", true },
		{ "127.0.0.1:3000", "http://127.0.0.1:3000/prefix", true },
		{ "127.0.0.1:3000", "http://user:pw@localhost:3000", true },
		{ "127.0.0.1:3000", "http://LOCALHOST:3000", true },
		{ "127.0.0.1:3000", "http://127.0.0.1:3001", false },
		{ "127.0.0.1:3000", "http://127.0.0.1", false },
		{ "127.0.0.1:3000", "http://127.0.0.2:3000", false },
		{ "127.0.0.1:3000", "http://mirror.example:3000", false },
		{ "127.0.0.1:3000", "file:///srv/3000", false },
		{ "127.0.0.1:80", "http://127.0.0.1/", true },
		{ "127.0.0.1:80", "https://127.0.0.1/", false },
		{ "127.0.0.1:443", "https://127.0.0.1/", true },
		{ "[::1]:3000", "http://[::1]:3000", true },
		{ "[::1]:3000", "http://localhost:3000", true },
		{ "localhost:3000", "http://127.0.0.1:3000", true },
		{ ":3000", "http://127.0.0.1:3000", true },
		{ ":3000", "http://127.0.0.9:3000", true },
		{ ":3000", "http://[::1]:3000", true },
		{ "0.0.0.0:3000", "http://localhost:3000", true },
		{ "[::]:3000", "http://localhost:3000", true },
		{ ":3000", "http://mirror.example:3000", false },
		{ "127.0.0.1:0", "http://127.0.0.1:3000", false },
		{ "192.0.2.7:3000", "http://192.0.2.7:3000", true },
		{ "192.0.2.7:3000", "http://127.0.0.1:3000", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct settings_list listen = {
			.items = (const char *[]){ "[::1]:1", cases[i].listen }, .n = 2
		};
		if (upstreams_is_ours(span_of(cases[i].url), &listen) != cases[i].ours)
			fail_msg("%s and %s", cases[i].listen, cases[i].url);
	}
}

static void the_name_of_this_machine(void **state)
{
	char name[200], url[300];
	struct settings_list listen = { .items = (const char *[]){ "127.0.0.1:3000" }, .n = 1 };
	assert_int_equal(gethostname(name, sizeof name), 0);
	snprintf(url, sizeof url, "http://%s:3000", name);
	assert_true(upstreams_is_ours(span_of(url), &listen));
}

static void a_list_without_ourselves(void **state)
{
	static const struct {
		const char *goproxy, *used; /* NULL: an error, for nothing is left */
	} cases[] = {
		{ "https://mirror.example", "https://mirror.example" },
		{ "https://mirror.example,direct", "https://mirror.example,direct" },
		{ "http://localhost:3000,https://mirror.example|direct",
		  "https://mirror.example|direct" },
		{ "https://a.example|http://127.0.0.1:3000|https://b.example,off",
		  "https://a.example|https://b.example,off" },
		{ "off", "off" },
		{ "direct", "direct" },
		{ "http://localhost:3000", NULL },
		{ "http://localhost:3000,direct", NULL },
		{ "", NULL },
		{ ",,", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct draft d;
		draft_init(&d);
		draft_set(&d, settings_find(SPAN("listen")), SPAN("127.0.0.1:3000"), "test");
		draft_set(&d, settings_find(SPAN("store")), SPAN("/nonexistent"), "test");
		draft_set(&d, settings_find(SPAN("goproxy")), span_of(cases[i].goproxy), "test");
		upstreams_settle(&d);
		if (cases[i].used == NULL)
			assert_int_equal(d.errors, 1);
		else
			assert_string_equal(d.settings.goproxy, cases[i].used);
		draft_deinit(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_addresses),
		cmocka_unit_test(the_name_of_this_machine),
		cmocka_unit_test(a_list_without_ourselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
