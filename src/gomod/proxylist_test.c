/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/proxylist.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

/* Entries as "url" or "url?query" or a word, each with the "," or "|" behind it. */
static void describe(const struct proxylist *list, struct mg_buf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct proxylist_entry *e = &list->entries[i];
		buf_append(out, e->kind == PROXYLIST_URL      ? e->url
				: e->kind == PROXYLIST_DIRECT ? SPAN("direct")
							      : SPAN("off"));
		buf_append(out, e->query);
		buf_append_char(out, e->any_error ? '|' : ',');
	}
}

static void lists(void **state)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "https://mirror.example,direct", "https://mirror.example,direct," },
		{ "https://a.example/|https://b.example/p/",
		  "https://a.example|https://b.example/p," },
		{ " https://a.example | direct ", "https://a.example|direct," },
		{ ",, https://a.example ,|,", "https://a.example," },
		{ "https://a.example ,|off", "https://a.example,off," },
		{ "direct,https://a.example", "direct," },
		{ "off", "off," },
		{ "direct|", "direct," },
		{ "mirror.example", "https://mirror.example," },
		{ "mirror.example:8080/p", "https://mirror.example:8080/p," },
		{ "http://127.0.0.1:3000", "http://127.0.0.1:3000," },
		{ "http://[::1]:3000/x/", "http://[::1]:3000/x," },
		{ "HTTPS://Mirror.Example", "https://Mirror.Example," },
		{ "http://h.example/p?x=1", "http://h.example/p?x=1," },
		{ "http://h.example/p/?x=1/", "http://h.example/p?x=1/," },
		{ "http://h.example?x", "http://h.example?x," },
		{ "https://u:p%40w@h.example/p", "https://u:p%40w@h.example/p," },
		{ "file:///srv/go", "file:///srv/go," },
		{ "file:///srv/go/", "file:///srv/go," },
		{ "http://[fe80::1%25en0]/", "http://[fe80::1%25en0]," },
		{ "http://[1:2:3:4:5:6:7:8]:1", "http://[1:2:3:4:5:6:7:8]:1," },
		{ "http://[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]," },
		{ "http://[1::]", "http://[1::]," },
		{ "http://[::]", "http://[::]," },
		{ "http://a.example/?%zz", "http://a.example?%zz," },
		{ "\xc2\xa0https://a.example\xe2\x80\x83", "https://a.example," },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = ARENA_INIT;
		struct proxylist list;
		struct mg_buf out = BUF_MAX(1000);
		assert_int_equal(proxylist_parse(span_of(rows[i].value), &a, &list, NULL), MG_OK);
		describe(&list, &out);
		assert_true(span_eq(buf_span(&out), span_of(rows[i].want)));
		buf_deinit(&out);
		arena_deinit(&a);
	}
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		" | ",
		"mirror",
		"/srv/go",
		"ftp://a.example",
		"https://",
		"https:///p",
		"https:/a.example",
		"http://a.example:x/",
		"http://a.example:-1",
		"http://a b.example",
		"http://a.example/%zz",
		"http://a.example/p%2",
		"http://u%:p@a.example",
		"http://a.example/#f",
		"file://host/p",
		"file:srv",
		"file://",
		"file:///p?x",
		"file:///%q",
		"://a.example",
		"1http://a.example",
		"http://[::1",
		"http://[::1]x",
		"http://a%20b.example",
		"https://a.example,ftp://b",
		"http://<a>",
		"a.example:/x",
		"http://:80/",
		"http://a.example/\x01",
		"file:/srv/go",
		"http://[1:2:3:4:5:6:7]",
		"http://[1::2::3]",
		"http://[1:2:3:4:5:6:7:8::]",
		"http://[12345::]",
		"http://[:1::2]",
		"http://[1::2:]",
		"http://[::1%25]",
		"http://[::1%25[]",
		"http://[::1%25%zz]",
		"http://[g::]",
		"http://[]",
		"http://[::1.2.3]",
		"http://[::1.2.3.256]",
		"http://[1.2.3.4]",
		"http://a[b",
		"http://u\"@a.example",
		"http://[:::]",
		"http://[::1.2.3.4:5]",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct arena a = ARENA_INIT;
		struct proxylist list;
		struct mg_err err = { 0 };
		assert_int_equal(proxylist_parse(span_of(bad[i]), &a, &list, &err), MG_INVALID);
		assert_non_null(strstr(err.text, "GOPROXY"));
		arena_deinit(&a);
	}
}

static void messages_hide_passwords(void **state)
{
	struct arena a = ARENA_INIT;
	struct proxylist list;
	struct mg_err err;
	assert_int_equal(proxylist_parse(SPAN("http://me:s3cret@a.example:x"), &a, &list, &err),
			 MG_INVALID);
	assert_null(strstr(err.text, "s3cret"));
	assert_non_null(strstr(err.text, "a.example:x"));
	arena_deinit(&a);
}

static void too_many(void **state)
{
	struct arena a = ARENA_INIT;
	struct proxylist list;
	struct mg_buf value = BUF_MAX(10000);
	for (int i = 0; i < 64; i++)
		buf_append_str(&value, "a.example,");
	assert_int_equal(proxylist_parse(buf_span(&value), &a, &list, NULL), MG_OK);
	assert_int_equal(list.n, 64);
	buf_append_str(&value, "a.example");
	assert_int_equal(proxylist_parse(buf_span(&value), &a, &list, NULL), MG_INVALID);
	buf_deinit(&value);
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(refused),
		cmocka_unit_test(messages_hide_passwords),
		cmocka_unit_test(too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
