/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The example of GitHub's own documentation. */
#define SECRET "It's a Secret to Everybody"
#define BODY   "Hello, World!"
#define MAC    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static void who_knows_the_secret(void **state)
{
	static const struct {
		enum hook_kind kind;
		const char *secret, *signature, *body;
		bool good;
	} cases[] = {
		{ HOOK_GITHUB, SECRET, "sha256=" MAC, BODY, true },
		{ HOOK_GITHUB, SECRET, MAC, BODY, false },
		{ HOOK_GITHUB, SECRET, "sha256=" MAC, BODY "!", false },
		{ HOOK_GITHUB, SECRET "!", "sha256=" MAC, BODY, false },
		{ HOOK_GITHUB, SECRET, "sha256=", BODY, false },
		{ HOOK_GITHUB, SECRET, "", BODY, false },
		{ HOOK_GITHUB, SECRET, "sha1=" MAC, BODY, false },
		{ HOOK_GITHUB, "", "sha256=" MAC, BODY, false },
		/* The HMAC with an empty secret. */
		{ HOOK_GITHUB, "",
		  "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "",
		  false },
		{ HOOK_GITEA, SECRET, MAC, BODY, true },
		{ HOOK_GITEA, SECRET, "sha256=" MAC, BODY, true },
		{ HOOK_GITEA, SECRET, MAC, BODY "!", false },
		{ HOOK_GITEA, SECRET, SECRET, BODY, false },
		{ HOOK_GITLAB, SECRET, SECRET, BODY, true },
		{ HOOK_GITLAB, SECRET, SECRET "!", BODY, false },
		{ HOOK_GITLAB, SECRET, MAC, BODY, false },
		{ HOOK_GITLAB, "", "", BODY, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (hook_is_signed(cases[i].kind, span_of(cases[i].secret),
				   span_of(cases[i].signature),
				   span_of(cases[i].body)) != cases[i].good)
			fail_msg("case %zu", i);
}

static void which_repository(void **state)
{
	static const struct {
		const char *body;
		size_t n;
		const char *first;
	} cases[] = {
		{ "{\"repository\":{\"clone_url\":\"https://a.example/t/x.git\",\"ssh_url\":"
		  "\"git@a.example:t/x.git\",\"html_url\":\"https://a.example/t/x\"}}",
		  3, "https://a.example/t/x.git" },
		{ "{\"project\":{\"git_http_url\":\"http://g.example/t/x.git\"}}", 1,
		  "http://g.example/t/x.git" },
		{ "{\"repository\":{\"clone_url\":1,\"ssh_url\":\"\"}}", 0, NULL },
		{ "{\"repository\":\"https://a.example/x\"}", 0, NULL },
		{ "{}", 0, NULL },
		{ "[]", 0, NULL },
		{ "", 0, NULL },
		{ "payload=%7B%7D", 0, NULL },
		{ "{\"repository\":{\"clone_url\":\"https://a.example/x\"}} x", 0, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mg_span found[HOOK_ADDRESSES_MAX];
		struct arena a = ARENA_INIT;
		struct mg_err err;
		size_t n = 99;
		const enum mg_code rc = hook_addresses(span_of(cases[i].body), &a, found, &n, &err);
		assert_int_equal(rc, cases[i].n > 0 ? MG_OK : MG_INVALID);
		assert_int_equal(n, cases[i].n);
		if (n > 0) assert_true(span_eq(found[0], span_of(cases[i].first)));
		arena_deinit(&a);
	}
}

static void kinds_have_names(void **state)
{
	enum hook_kind kind;
	for (int i = 0; i < HOOK_KINDS; i++)
		assert_true(hook_kind_of(span_of(hook_kind_name((enum hook_kind)i)), &kind) &&
			    kind == (enum hook_kind)i);
	assert_false(hook_kind_of(SPAN("bitbucket"), &kind));
	assert_false(hook_kind_of(SPAN(""), &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_knows_the_secret),
		cmocka_unit_test(which_repository),
		cmocka_unit_test(kinds_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
