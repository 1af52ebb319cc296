/* SPDX-License-Identifier: Apache-2.0 */
#include "store/artifactwalk.h"

#include "store/store_fixture.h"

static void put(struct fixture *f, const char *key)
{
	assert_int_equal(store_put(f->store, key, SPAN("x"), STAGE_REPLACE, &f->err), MG_OK);
}

/* The keys that a walk finds, a line each; a fault's with "! " before it. */
static char *walk(struct fixture *f, const char *after, size_t most)
{
	struct artifactwalk *w = artifactwalk_new(f->store, after);
	struct mg_buf key = BUF_MAX(16384), all = BUF_MAX(1u << 20);
	struct arena a = ARENA_INIT;
	struct target t;
	struct mg_err err;
	for (size_t n = 0; n < most; n++) {
		const enum artifactwalk_result r = artifactwalk_next(w, &a, &key, &t, &err);
		if (r == ARTIFACTWALK_END) break;
		if (r == ARTIFACTWALK_FAULT) buf_append_str(&all, "! ");
		buf_append(&all, buf_span(&key));
		buf_append_char(&all, '\n');
	}
	artifactwalk_free(&w);
	buf_deinit(&key);
	arena_deinit(&a);
	char *text = strdup(all.n > 0 ? buf_cstr(&all) : "");
	buf_deinit(&all);
	return text;
}

static void assert_walk(struct fixture *f, const char *after, const char *want)
{
	char *got = walk(f, after, SIZE_MAX);
	assert_string_equal(got, want);
	free(got);
}

static const char *const stored[] = {
	"modules/a.b/!c/@v/v1.0.0.info",
	"modules/a.b/!c/@v/v1.0.0.mod",
	"modules/a.b/!c/v2/@v/v2.0.0-!r!c1.zip",
	"modules/a.b/d-e/@v/v1.0.0.mod",
	"modules/a.b/d/@v/v0.0.0-20200101000000-abcdefabcdef.mod",
	"modules/a.b/d/@v/v1.10.0.zip",
	"modules/a.b/d/@v/v1.9.0.zip",
	"modules/z.b/@v/v1.0.0+incompatible.info",
};
#define STORED (sizeof stored / sizeof stored[0])

static void put_all(struct fixture *f)
{
	for (size_t i = 0; i < STORED; i++)
		put(f, stored[i]);
}

static void everything_else_is_passed_over(void **state)
{
	struct fixture *f = *state;
	put_all(f);
	put(f, "modules/a.b/d/@v/list");
	put(f, "modules/a.b/d/@latest");
	put(f, "modules/a.b/d/@v/master.info");
	put(f, "modules/a.b/d/@v/v1.9.0.provenance");
	put(f, "modules/a.b/d/@v/v1.9.0.ziphash");
	put(f, "modules/a.b/d/@v/v1.9.mod");
	put(f, "modules/a.b/d/@v/100%.mod");
	put(f, "modules/a.b/v2/@v/v1.0.0.mod");
	put(f, "modules/README");
	put(f, "sumdb/a.b/@v/v1.0.0.mod");
	char *all = walk(f, NULL, SIZE_MAX);
	for (size_t i = 0; i < STORED; i++)
		assert_non_null(strstr(all, stored[i]));
	size_t lines = 0;
	for (const char *p = all; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, STORED);
	free(all);
}

/* Taken up behind every key in turn, a walk finds exactly what the first would have found next. */
static void a_walk_goes_on_where_another_ended(void **state)
{
	struct fixture *f = *state;
	put_all(f);
	char *all = walk(f, NULL, SIZE_MAX);
	for (char *line = all; *line != '\0';) {
		char key[200];
		const size_t n = strcspn(line, "\n");
		snprintf(key, sizeof key, "%.*s", (int)n, line);
		line += n + 1;
		assert_walk(f, key, line);
	}
	free(all);
}

static void what_is_gone_can_be_gone_on_from(void **state)
{
	struct fixture *f = *state;
	put(f, "modules/b.c/@v/v1.0.0.mod");
	put(f, "modules/d.e/@v/v1.0.0.mod");
	const char *const both = "modules/b.c/@v/v1.0.0.mod\nmodules/d.e/@v/v1.0.0.mod\n";
	const char *const second = "modules/d.e/@v/v1.0.0.mod\n";
	assert_walk(f, "modules/a.b/c/@v/v1.0.0.mod", both);
	assert_walk(f, "modules/b.c/@v/v0.1.0.mod", both);
	assert_walk(f, "modules/b.c/@v/v1.0.1.mod", second);
	assert_walk(f, "modules/b.c/d/@v/v1.0.0.mod", second);
	assert_walk(f, "modules/c.d/@v/v1.0.0.mod", second);
	assert_walk(f, "modules/e.f/@v/v1.0.0.mod", "");
	assert_walk(f, "nonsense", both);
	assert_walk(f, "", both);
}

static void links_and_files_for_folders_are_faults(void **state)
{
	struct fixture *f = *state;
	char path[200];
	put(f, "modules/b.c/@v/v1.0.0.mod");
	put(f, "modules/a.b/@v");
	snprintf(path, sizeof path, "%s/modules/c.d", f->root);
	assert_int_equal(symlink("b.c", path), 0);
	assert_walk(f, NULL, "! modules/a.b/@v\nmodules/b.c/@v/v1.0.0.mod\n! modules/c.d\n");
}

static void a_link_for_an_artifact_is_found(void **state)
{
	struct fixture *f = *state;
	char path[200];
	put(f, "modules/b.c/@v/v1.0.0.mod");
	snprintf(path, sizeof path, "%s/modules/b.c/@v/v1.1.0.mod", f->root);
	assert_int_equal(symlink("v1.0.0.mod", path), 0);
	assert_walk(f, NULL, "modules/b.c/@v/v1.0.0.mod\nmodules/b.c/@v/v1.1.0.mod\n");
}

/* As deep as names can be: nothing of it is damage. */
static void a_long_path_is_walked_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct mg_buf key = BUF_MAX(2000);
	buf_append_str(&key, "modules/a.b");
	for (int i = 0; i < 200; i++)
		buf_append_str(&key, "/c");
	buf_append_str(&key, "/@v/v1.0.0.mod");
	put(f, buf_cstr(&key));
	buf_append_char(&key, '\n');
	assert_walk(f, NULL, buf_cstr(&key));
	buf_deinit(&key);
}

static void nothing_is_stored(void **state)
{
	assert_walk(*state, NULL, "");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_else_is_passed_over),
		TEST(a_walk_goes_on_where_another_ended),
		TEST(what_is_gone_can_be_gone_on_from),
		TEST(links_and_files_for_folders_are_faults),
		TEST(a_link_for_an_artifact_is_found),
		TEST(a_long_path_is_walked_to_its_end),
		TEST(nothing_is_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
