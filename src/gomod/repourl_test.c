/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/repourl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

static void parts(void **state)
{
	static const struct {
		const char *text, *want; /* scheme|user|host|port in use|path; NULL: refused */
	} rows[] = {
		{ "https://git.example/a/b.git", "https||git.example|443|/a/b.git" },
		{ "https://git.example", "https||git.example|443|" },
		{ "http://git.example:8080/", "http||git.example|8080|/" },
		{ "ssh://git@git.example:2222/~u/x", "ssh|git|git.example|2222|/~u/x" },
		{ "git+ssh://git.example/x", "git+ssh||git.example|22|/x" },
		{ "git://git.example/x", "git||git.example|9418|/x" },
		{ "https://[::1]:8443/x", "https||::1|8443|/x" },
		{ "https://[::1]/x", "https||::1|443|/x" },
		{ "https://git.example/a%20b", "https||git.example|443|/a%20b" },
		{ "file:///srv/x", NULL },
		{ "git.example/x", NULL },
		{ "git@git.example:x", NULL },
		{ "://git.example/x", NULL },
		{ "HTTPS://git.example/x", NULL },
		{ "https://Git.example/x", NULL },
		{ "https://user@git.example/x", NULL },
		{ "https://user:secret@git.example/x", NULL },
		{ "ssh://git:secret@git.example/x", NULL },
		{ "ssh://-oProxyCommand=x/y", NULL },
		{ "ssh://-l@git.example/y", NULL },
		{ "ssh://git@-x/y", NULL },
		{ "https://git.example:0/x", NULL },
		{ "https://git.example:65536/x", NULL },
		{ "https://git.example:/x", NULL },
		{ "https://git.example/x?y", NULL },
		{ "https://git.example/x#y", NULL },
		{ "https://git.example/x y", NULL },
		{ "https://git.example/x\ny", NULL },
		{ "https://git.example/\xc3\xa9", NULL },
		{ "https://a@b@git.example/", NULL },
		{ "https://[::1/x", NULL },
		{ "https://[x]/x", NULL },
		{ "-https://git.example/x", NULL },
		{ "ext::sh -c x://y", NULL },
		{ "https:///x", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(1000);
		struct repourl u;
		enum mg_code rc = repourl_parse(span_of(rows[i].text), &u, NULL);
		print_message("%s\n", rows[i].text);
		assert_int_equal(rc, rows[i].want != NULL ? MG_OK : MG_INVALID);
		if (rc != MG_OK) continue;
		buf_printf(&out, "%.*s|%.*s|%.*s|%u|%.*s", SPAN_ARG(u.scheme), SPAN_ARG(u.user),
			   SPAN_ARG(u.host), repourl_port(&u), SPAN_ARG(u.path));
		assert_string_equal(buf_cstr(&out), rows[i].want);
		buf_deinit(&out);
	}
}

static void no_secret_in_the_reason(void **state)
{
	struct repourl u;
	struct mg_err err;
	assert_int_equal(repourl_parse(SPAN("https://user:canary@h.example/"), &u, &err),
			 MG_INVALID);
	assert_null(strstr(err.text, "canary"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(no_secret_in_the_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
