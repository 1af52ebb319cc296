/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/xmlscan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void put_attribute(void *arg, struct mg_span name, struct mg_span value)
{
	buf_printf(arg, "%.*s=[%.*s] ", SPAN_ARG(name), SPAN_ARG(value));
}

/* The attributes, then the tag; "~" for what is none, "!LINE WHY" for a fault. */
static void describe(struct mg_span page, struct mg_buf *out)
{
	struct xmlscan s;
	struct xmlscan_token t;
	xmlscan_init(&s, page, put_attribute, out);
	while (xmlscan_next(&s, &t)) {
		switch (t.kind) {
		case XMLSCAN_START:
			buf_printf(out, "<%.*s>", SPAN_ARG(t.name));
			break;
		case XMLSCAN_EMPTY:
			buf_printf(out, "<%.*s/>", SPAN_ARG(t.name));
			break;
		case XMLSCAN_END:
			buf_printf(out, "</%.*s>", SPAN_ARG(t.name));
			break;
		case XMLSCAN_OTHER:
			buf_append_char(out, '~');
			break;
		}
	}
	if (s.why != NULL) buf_printf(out, "!%zu %s", xmlscan_line(&s), s.why);
	/* Once over, it stays so. */
	assert_false(xmlscan_next(&s, &t));
	xmlscan_deinit(&s);
}

static void tags(void **state)
{
	static const struct {
		const char *page, *want;
	} rows[] = {
		{ "", "" },
		{ "text", "~" },
		{ "<a>b</a>", "<a>~</a>" },
		{ "<a/>", "<a/>" },
		{ "<a b='1' c=\"2\" d=3 e />", "b=[1] c=[2] d=[3] e=[e] <a/>" },
		{ "<x:a y:b=''/>", "b=[] <a/>" },
		{ "<a b='&lt;&#65;&#x42;&nope;'>", "b=[<AB&nope;] <a>" },
		{ "<a b='x\r\ny\rz'>", "b=[x\ny\nz] <a>" },
		{ "<!-- <a> --><![CDATA[<b>]]><?php <c> ?><!DOCTYPE d [<!ELEMENT e>]><f>",
		  "~~~~<f>" },
		{ "<a", "!1 it ends too early" },
		{ "\n\n<a b=''", "~b=[] !3 it ends too early" },
		{ "<a / >", "!1 a tag has a \"/\" in it" },
		{ "</a b>", "!1 the end of an element has attributes" },
		{ "<1>", "!1 a name has characters that no name has" },
		{ "< a>", "!1 \"<\" has no name behind it" },
		{ "\n<a b='<'>", "~!2 \"<\" stands in quotes" },
		{ "a]]>", "!1 \"]]>\" stands in its text" },
		{ "<a b='\x01'>", "!1 its text has control characters" },
		{ "<?xml version='1.1'?>", "!1 it is of another version of XML than 1.0" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(1000);
		print_message("%s\n", rows[i].page);
		describe(span_of(rows[i].page), &out);
		assert_string_equal(out.n > 0 ? buf_cstr(&out) : "", rows[i].want);
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
