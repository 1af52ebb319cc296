/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/repopath.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

/* "fixed root vcs", "qualified root repo vcs", "ask", or "refused". */
static void describe(const char *path, struct mg_buf *out)
{
	struct repopath r;
	struct mg_err err = { 0 };
	enum mg_code rc = repopath_find(span_of(path), &r, &err);
	if (rc != MG_OK) {
		assert_int_equal(rc, MG_NOT_FOUND);
		assert_int_equal(err.cause, MG_CAUSE_VCS);
		buf_append_str(out, "refused");
	} else if (r.kind == REPOPATH_ASK) {
		buf_append_str(out, "ask");
	} else if (r.kind == REPOPATH_FIXED) {
		assert_true(span_eq(r.root, r.repo));
		buf_printf(out, "fixed %.*s %.*s", SPAN_ARG(r.root), SPAN_ARG(r.vcs));
	} else {
		buf_printf(out, "qualified %.*s %.*s %.*s", SPAN_ARG(r.root), SPAN_ARG(r.repo),
			   SPAN_ARG(r.vcs));
	}
}

static void paths(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "github.com/u/r", "fixed github.com/u/r git" },
		{ "github.com/u/r/sub/v2", "fixed github.com/u/r git" },
		{ "github.com/u", "refused" },
		{ "github.com", "refused" },
		{ "github.com/u/r.git", "refused" },
		{ "github.com/u/r.hg/x", "refused" },
		{ "github.com/u/.git", "refused" },
		{ "github.com/u/r~", "refused" },
		{ "github.com/u//r", "refused" },
		{ "github.com.example/u/r", "ask" },
		{ "bitbucket.org/u/r/x", "fixed bitbucket.org/u/r git" },
		{ "hub.jazz.net/git/u0/r_-.x", "fixed hub.jazz.net/git/u0/r_-.x git" },
		{ "hub.jazz.net/git/U0/r", "refused" },
		{ "hub.jazz.net/x", "ask" },
		{ "git.apache.org/r.git/x", "fixed git.apache.org/r.git git" },
		{ "git.apache.org/r", "refused" },
		{ "git.apache.org/.git", "refused" },
		{ "git.openstack.org/a/b.git/c", "fixed git.openstack.org/a/b.git git" },
		{ "chiselapp.com/user/a/repository/b",
		  "fixed chiselapp.com/user/a/repository/b fossil" },
		{ "chiselapp.com/user/a/repository/b/c", "refused" },
		{ "chiselapp.com/users/a/repository/b", "refused" },
		{ "git.example/x.git", "qualified git.example/x.git git.example/x git" },
		{ "git.example/a/x.git/sub/v2",
		  "qualified git.example/a/x.git git.example/a/x git" },
		{ "git.example/x.git/y.hg",
		  "qualified git.example/x.git/y.hg git.example/x.git/y hg" },
		{ "git.example/x.git.hg", "qualified git.example/x.git.hg git.example/x.git hg" },
		{ "git.example:8443/x.git",
		  "qualified git.example:8443/x.git git.example:8443/x git" },
		{ "git.example/~u/x.svn", "qualified git.example/~u/x.svn git.example/~u/x svn" },
		{ "git.example/x.gitt", "ask" },
		{ "git.example/.git", "ask" },
		{ "git.example.git", "ask" },
		{ "git.example/x", "ask" },
		{ "git/x.git", "ask" },
		{ "git.example/a~b/c.d/x.git", "refused" },
		{ "https:/git.example/x", "refused" },
		{ "http:x", "refused" },
		{ "gopkg.in/yaml.v3", "ask" },
		{ "git.example/x.git/a~b", "ask" },
		{ "", "ask" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(1000);
		print_message("%s\n", rows[i].path);
		describe(rows[i].path, &out);
		assert_string_equal(buf_cstr(&out), rows[i].want);
		buf_deinit(&out);
	}
}

static void prefixes(void **state)
{
	assert_true(repopath_has_prefix(SPAN("a/b"), SPAN("a")));
	assert_true(repopath_has_prefix(SPAN("a/b"), SPAN("a/")));
	assert_true(repopath_has_prefix(SPAN("a"), SPAN("a")));
	assert_true(repopath_has_prefix(SPAN("a"), SPAN("")));
	assert_false(repopath_has_prefix(SPAN("ab"), SPAN("a")));
	assert_false(repopath_has_prefix(SPAN("a"), SPAN("a/")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
