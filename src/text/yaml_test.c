/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "text/yaml.h"

/* The tree in one line: {k:v,…} [v,…] scalars as they are, quoted ones in ''. */
static void show(const struct yaml_node *n, struct mg_buf *out)
{
	if (n->kind == YAML_SCALAR) {
		buf_append_str(out, n->quoted ? "'" : "");
		buf_append(out, n->scalar);
		buf_append_str(out, n->quoted ? "'" : "");
		return;
	}
	buf_append_char(out, n->kind == YAML_MAP ? '{' : '[');
	for (const struct yaml_node *e = n->first; e != NULL; e = e->next) {
		if (e != n->first) buf_append_char(out, ',');
		if (n->kind == YAML_MAP) {
			buf_append(out, e->key);
			buf_append_char(out, ':');
		}
		show(e, out);
	}
	buf_append_char(out, n->kind == YAML_MAP ? '}' : ']');
}

static void test_trees(void **state)
{
	static const struct {
		const char *in, *tree;
	} cases[] = {
		{ "", "{}" },
		{ "# only a comment\n", "{}" },
		{ "---\n", "{}" },
		{ "---\n...\n", "{}" },
		{ "a: 1\nb: two words # c\n", "{a:1,b:two words}" },
		{ "a:\n  b:\n    c: d\n  e: [x, 'y', \"z\\n\"]\nf: {g: h}\n",
		  "{a:{b:{c:d},e:[x,'y','z\n']},f:{g:h}}" },
		{ "- 1\n- - 2\n  - 3\n-\n", "[1,[2,3],]" },
		{ "a:\nb: ''\nc: ~\n", "{a:,b:'',c:~}" },
		{ "a: |\n  one\n  two\nb: >-\n  f\n  g\n", "{a:'one\ntwo\n',b:'f g'}" },
		{ "%YAML 1.1\n---\nyes: no\n", "{yes:no}" },
		{ "\xef\xbb\xbf"
		  "a: b\n",
		  "{a:b}" },
		{ "gr\xc3\xbc\xc3\x9f: x\r\ny: z\r\n", "{gr\xc3\xbc\xc3\x9f:x,y:z}" },
		{ "word", "word" },
		{ "''", "''" },
		{ "a: b: c", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena a = ARENA_INIT;
		struct mg_buf b = BUF_MAX(1000);
		struct mg_err err = { 0 };
		struct yaml_node *root = NULL;
		enum mg_code rc = yaml_parse("f", span_of(cases[i].in), &a, &root, &err);
		if (cases[i].tree == NULL) {
			assert_int_equal(rc, MG_INVALID);
		} else {
			if (rc != MG_OK) fail_msg("case %zu: %s", i, err.text);
			show(root, &b);
			assert_string_equal(buf_cstr(&b), cases[i].tree);
		}
		buf_deinit(&b);
		arena_deinit(&a);
	}
}

static void test_places(void **state)
{
	struct arena a = ARENA_INIT;
	struct yaml_node *root = NULL;
	assert_int_equal(yaml_parse("f", SPAN("a: 1\n\nlong:\n  - x\n  -   y\n"), &a, &root, NULL),
			 MG_OK);
	const struct yaml_node *n = yaml_get(root, "long");
	assert_non_null(n);
	assert_int_equal(n->kind, YAML_SEQ);
	assert_int_equal(n->key_line, 3);
	assert_int_equal(n->key_column, 1);
	assert_int_equal(n->first->next->line, 5);
	assert_int_equal(n->first->next->column, 7);
	assert_int_equal(yaml_get(root, "a")->line, 1);
	assert_int_equal(yaml_get(root, "a")->column, 4);
	assert_null(yaml_get(root, "b"));
	assert_null(yaml_get(n, "x"));
	assert_null(yaml_get(NULL, "x"));
	assert_null(yaml_get(yaml_get(root, "a"), "x"));
	arena_deinit(&a);
}

static void test_refused(void **state)
{
	static const struct {
		struct mg_span in;
		const char *says;
	} cases[] = {
		{ SPAN("a: &x 1\n"), "f:1:4: anchors" },
		{ SPAN("a: &x [1]\n"), "f:1:4: anchors" },
		{ SPAN("a: &x {b: 1}\n"), "f:1:4: anchors" },
		{ SPAN("a: *x\n"), "f:1:4: aliases" },
		{ SPAN("a: !!str 1\n"), "f:1:4: tags" },
		{ SPAN("a: ! 1\n"), "f:1:4: tags" },
		{ SPAN("a: !t [1]\n"), "f:1:4: tags" },
		{ SPAN("a: !t {}\n"), "f:1:4: tags" },
		{ SPAN("a: 1\n---\nb: 2\n"), "f:2:1: a second document" },
		{ SPAN("a: 1\nb: 2\na: 3\n"), "f:3:1: the key occurs twice" },
		{ SPAN("a: 1\n'a': 3\n"), "f:2:1: the key occurs twice" },
		{ SPAN("? [x]\n: y\n"), "f:1:3: a key must be" },
		{ SPAN("{[x]: y}\n"), "f:1:2: a key must be" },
		{ SPAN("a: [1\nb: 2\n"), "f:2:" },
		{ SPAN("a: 'x\n"), "f:2:1: " },
		{ SPAN("\ta: 1\n"), "f:1:1: " },
		{ SPAN("a: 1\n b: 2\n"), "f:2:" },
		{ SPAN("a: x\nb: \xff\n"), "f:2:4: " },
		{ SPAN("a: \x01\n"), "f:1:4: " },
		{ SPAN("\xff\xfe"
		       "a\0:\0 \0b\0"),
		  "f:1:1: " },
		{ SPAN("%YAML 3.0\n---\na: b\n"), "f:1:1: " },
		{ SPAN("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"),
		  "f:1:17: maps and lists nest deeper" },
		{ SPAN("a: !<\n"), "f:" },
		{ SPAN("%TAG ! x\n"), "f:" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena a = ARENA_INIT;
		struct mg_err err = { 0 };
		struct yaml_node *root = NULL;
		assert_int_equal(yaml_parse("f", cases[i].in, &a, &root, &err), MG_INVALID);
		assert_null(root);
		if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("case %zu says: %s", i, err.text);
		arena_deinit(&a);
	}
}

static void test_sixteen_levels_are_fine(void **state)
{
	struct arena a = ARENA_INIT;
	struct yaml_node *root = NULL;
	assert_int_equal(
		yaml_parse("f", SPAN("[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]"), &a, &root, NULL), MG_OK);
	arena_deinit(&a);
}

static void test_size_is_bounded(void **state)
{
	size_t most = (size_t)1 << 20;
	char *text = malloc(most + 1);
	assert_non_null(text);
	memset(text, '\n', most + 1);
	struct arena a = ARENA_INIT;
	struct yaml_node *root = NULL;
	assert_int_equal(yaml_parse("f", span_make(text, most), &a, &root, NULL), MG_OK);
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(yaml_parse("f", span_make(text, most + 1), &a, &root, NULL), MG_INVALID);
	arena_deinit(&a);
	free(text);
}

/* A map as wide as the limit allows is read in time that grows with its size only. */
static void test_wide_map(void **state)
{
	struct mg_buf b = BUF_MAX((size_t)1 << 20);
	for (unsigned i = 0; i < 90000; i++)
		buf_printf(&b, "k%u: v\n", i);
	struct arena a = ARENA_INIT;
	struct yaml_node *root = NULL;
	assert_int_equal(yaml_parse("f", buf_span(&b), &a, &root, NULL), MG_OK);
	assert_non_null(yaml_get(root, "k89999"));
	arena_deinit(&a);
	buf_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_sixteen_levels_are_fine),
		cmocka_unit_test(test_size_is_bounded),
		cmocka_unit_test(test_wide_map),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
