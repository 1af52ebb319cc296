/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/goimport.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

#define TAG(content) "<meta name=\"go-import\" content=\"" content "\">"

/* "prefix vcs url subdir;" of each tag, "!" when the page was refused, "." when reading ended before the page. */
static void describe(struct mg_span page, struct mg_buf *out)
{
	struct arena a = ARENA_INIT;
	struct goimport_page found;
	struct mg_err err = { 0 };
	enum mg_code rc = goimport_parse(page, &a, &found, &err);
	for (size_t i = 0; i < found.n; i++)
		buf_printf(out, "%.*s %.*s %.*s %.*s;", SPAN_ARG(found.tags[i].prefix),
			   SPAN_ARG(found.tags[i].vcs), SPAN_ARG(found.tags[i].url),
			   SPAN_ARG(found.tags[i].subdir));
	if (rc != MG_OK) {
		assert_int_equal(rc, MG_INVALID);
		assert_true(strncmp(err.text, "line ", 5) == 0);
		buf_append_str(out, "!");
	}
	if (found.ended) buf_append_str(out, ".");
	arena_deinit(&a);
}

static void pages(void **state)
{
	static const struct {
		const char *page, *want;
	} rows[] = {
		{ "", "" },
		{ TAG("a git https://b"), "a git https://b ;" },
		{ TAG("a git https://b s/d"), "a git https://b s/d;" },
		{ TAG("a git https://b s/d x"), "" },
		{ TAG("a git"), "" },
		{ TAG("\n a\tgit&#xa0;https://b "), "a git https://b ;" },
		{ TAG("a git b") TAG("c mod d"), "a git b ;c mod d ;" },
		{ "<html><HEAD>" TAG("a git b") "</Head>" TAG("c git d"), "a git b ;." },
		{ TAG("a git b") "<BODY x=y>" TAG("c git d"), "a git b ;." },
		{ "<head/>" TAG("a git b"), "." },
		{ "<x:head/>" TAG("a git b"), "." },
		{ "<body", "!" },
		{ "<META NAME=go-import CONTENT='a git b'>", "a git b ;" },
		{ "<meta name=Go-Import content='a git b'>", "" },
		{ "<meta name=x name=go-import content='a git b'>", "" },
		{ "<meta content='a git b' content='c git d' name=go-import />", "a git b ;" },
		{ "<x:meta y:name='go-import' z:content='a git b'/>", "a git b ;" },
		{ "<meta hidden name=go-import content='a git b'>", "a git b ;" },
		{ "<meta name=go-import content=a.example>" TAG("a git b"), "!." },
		{ TAG("a git b") "<meta content=a.example>", "a git b ;." },
		{ TAG("a git &lt;&#65;&#x42;&amp;&apos;&quot;&gt;"), "a git <AB&'\"> ;" },
		{ TAG("a git &nbsp;&#;&#x;&#x110000;&;&l"), "a git &nbsp;&#;&#x;&#x110000;&;&l ;" },
		{ TAG("a git &#0;"), "!." },
		{ TAG("a git b<c"), "!." },
		{ TAG("a git \xff"), "!." },
		{ "<script>if (a < b && c) { }</script>" TAG("a git b"), "!." },
		{ "<script>if (a<b) { }</script>" TAG("a git b"), "!." },
		{ "a ]]> b" TAG("a git b"), "!." },
		{ "<![CDATA[ <meta> & ]]]>" TAG("a git b"), "a git b ;" },
		{ "<![CDATB[]]>" TAG("a git b"), "!." },
		{ "<!-- <meta> -->" TAG("a git b"), "a git b ;" },
		{ "<!-- -- -->" TAG("a git b"), "!." },
		{ "<!-x-->" TAG("a git b"), "!." },
		{ "<!DOCTYPE html>" TAG("a git b"), "a git b ;" },
		{ "<!DOCTYPE html [ <!ENTITY x '>'> <!-- -- > --> ]>" TAG("a git b"), "a git b ;" },
		{ "<!>" TAG("a git b"), "!" },
		{ "<?xml version='1.0' encoding='UTF-8'?>" TAG("a git b"), "a git b ;" },
		{ "<?xml version='1.0' encoding='ascii'?>" TAG("a git b"), "a git b ;" },
		{ "<?xml encoding='latin1'?>" TAG("a git b"), "!." },
		{ "<?xml version='1.1'?>" TAG("a git b"), "!." },
		{ "<?php version='1.1'?>" TAG("a git b"), "a git b ;" },
		{ "<? x?>" TAG("a git b"), "!." },
		{ "<\xc3\xa9>" TAG("a git b"), "a git b ;" },
		{ "<\xc3\x97>" TAG("a git b"), "!." },
		{ "<a:b:c>" TAG("a git b"), "!." },
		{ "<1>" TAG("a git b"), "!." },
		{ "</a b>" TAG("a git b"), "!." },
		{ "<a / >" TAG("a git b"), "!." },
		{ "x & y" TAG("a git b"), "a git b ;" },
		{ TAG("a git b") "&", "a git b ;" },
		{ "<meta name=go-import content='a git b'", "!" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(1000);
		print_message("%s\n", rows[i].page);
		describe(span_of(rows[i].page), &out);
		assert_string_equal(out.n > 0 ? buf_cstr(&out) : "", rows[i].want);
		buf_deinit(&out);
	}
}

static void matches(void **state)
{
	static const struct {
		const char *page, *path, *want; /* want: the URL; NULL: not found */
	} rows[] = {
		{ TAG("a.x/m git u"), "a.x/m/sub", "u" },
		{ TAG("a.x/m git u"), "a.x/m", "u" },
		{ TAG("a.x/m git u"), "a.x/mm", NULL },
		{ TAG("a.x/m git u"), "a.x", NULL },
		{ TAG("a.x/m git u") TAG("a.x git v"), "a.x/m", NULL },
		{ TAG("a.x/m git u") TAG("b.x git v"), "a.x/m", "u" },
		{ TAG("a.x/m git u") TAG("a.x mod v"), "a.x/m", "v" },
		{ TAG("a.x/m git u") TAG("a.x/m git v") TAG("a.x mod w"), "a.x/m", "w" },
		{ TAG("a.x/m mod u") TAG("a.x mod v"), "a.x/m", NULL },
		{ "", "a.x/m", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = ARENA_INIT;
		struct goimport_page page;
		struct goimport_tag tag;
		print_message("%s %s\n", rows[i].page, rows[i].path);
		assert_int_equal(goimport_parse(span_of(rows[i].page), &a, &page, NULL), MG_OK);
		enum mg_code rc = goimport_match(&page, span_of(rows[i].path), &tag, NULL);
		assert_int_equal(rc, rows[i].want != NULL ? MG_OK : MG_NOT_FOUND);
		if (rc == MG_OK) assert_true(span_eq(tag.url, span_of(rows[i].want)));
		arena_deinit(&a);
	}
}

static void tags(void **state)
{
	static const struct {
		const char *vcs, *subdir;
		bool good;
	} rows[] = {
		{ "git", "", true },      { "mod", "", true },      { "fossil", "", true },
		{ "cvs", "", false },     { "git", "a/b", true },   { "git", "/a", false },
		{ "git", "-a", false },   { "git", "..", false },   { "git", "a/../b", false },
		{ "git", "a/..", false }, { "git", "..a/b", true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct goimport_tag t = { .prefix = SPAN("a.x"),
						.vcs = span_of(rows[i].vcs),
						.url = SPAN("https://a.x"),
						.subdir = span_of(rows[i].subdir) };
		assert_int_equal(goimport_check(&t, NULL), rows[i].good ? MG_OK : MG_NOT_FOUND);
		struct goimport_tag other = t;
		assert_true(goimport_same(&t, &other));
		other.subdir = SPAN("z");
		assert_false(goimport_same(&t, &other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(matches),
		cmocka_unit_test(tags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
