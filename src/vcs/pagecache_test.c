/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/pagecache.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A host that gives one page for every path, and counts. */
struct host {
	unsigned asked;
	enum mg_code code;
	struct goimport_page page;
};

static enum mg_code fetch(void *arg, struct mg_span path, const struct cancel *cancel,
			  struct arena *a, struct goimport_page *out, struct mg_err *err)
{
	struct host *h = arg;
	h->asked++;
	if (h->code != MG_OK) return err_set(err, h->code, MG_CAUSE_HTTP, "as told");
	*out = (struct goimport_page){ .n = h->page.n };
	out->tags = arena_alloc(a, (h->page.n + 1) * sizeof *out->tags);
	for (size_t i = 0; i < h->page.n; i++) {
		const struct goimport_tag *t = &h->page.tags[i];
		out->tags[i] = (struct goimport_tag){ .prefix = arena_dup(a, t->prefix),
						      .vcs = arena_dup(a, t->vcs),
						      .url = arena_dup(a, t->url),
						      .subdir = arena_dup(a, t->subdir) };
	}
	return MG_OK;
}

static struct pagecache *cache_for(struct host *h, uint32_t found_ms, uint32_t absent_ms,
				   size_t pages_max)
{
	return pagecache_new(&(struct pagecache_options){ .found_ms = found_ms,
							  .absent_ms = absent_ms,
							  .pages_max = pages_max,
							  .fetch = fetch,
							  .arg = h });
}

static enum mg_code match(struct pagecache *c, const char *at, const char *path, struct arena *a,
			  struct goimport_tag *out, struct mg_err *err)
{
	return pagecache_match(c, span_of(at), span_of(path), NULL, a, out, err);
}

static void a_page_is_fetched_once_for_all_its_paths(void **state)
{
	struct goimport_tag tags[] = {
		{ SPAN("a.x/m"), SPAN("git"), SPAN("https://a.x/m.git"), SPAN("go/mod") },
		{ SPAN("a.x/n"), SPAN("mod"), SPAN("https://proxy.x"), SPAN("") },
	};
	struct host h = { .page = { .tags = tags, .n = 2 } };
	struct pagecache *c = cache_for(&h, 60000, 60000, 8);
	struct arena a = ARENA_INIT;
	struct goimport_tag tag;
	struct mg_err err;
	assert_int_equal(match(c, "a.x", "a.x/m/sub", &a, &tag, &err), MG_OK);
	assert_true(goimport_same(&tag, &tags[0]));
	assert_int_equal(match(c, "a.x", "a.x/n", &a, &tag, &err), MG_OK);
	assert_true(goimport_same(&tag, &tags[1]));
	assert_int_equal(match(c, "a.x", "a.x/other", &a, &tag, &err), MG_NOT_FOUND);
	assert_int_equal(h.asked, 1);
	/* The page of another path is another one. */
	assert_int_equal(match(c, "a.x/m", "a.x/m", &a, &tag, &err), MG_OK);
	assert_int_equal(h.asked, 2);
	pagecache_free(&c);
	assert_null(c);
	/* What was given lives on. */
	assert_true(goimport_same(&tag, &tags[0]));
	arena_deinit(&a);
}

static void what_is_not_there_is_believed_and_a_fault_is_not(void **state)
{
	static const struct {
		enum mg_code code;
		unsigned asked;
	} rows[] = { { MG_OK, 1 }, /* a page without tags */
		     { MG_NOT_FOUND, 1 },
		     { MG_INVALID, 1 },
		     { MG_UNAVAILABLE, 2 },
		     { MG_DENIED, 2 } };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct host h = { .code = rows[i].code };
		struct pagecache *c = cache_for(&h, 0, 60000, 8);
		struct arena a = ARENA_INIT;
		struct goimport_tag tag;
		struct mg_err err;
		const enum mg_code want = rows[i].code == MG_OK ? MG_NOT_FOUND : rows[i].code;
		for (unsigned n = 0; n < 2; n++)
			assert_int_equal(match(c, "a.x", "a.x/m", &a, &tag, &err), want);
		assert_int_equal(h.asked, rows[i].asked);
		pagecache_free(&c);
		arena_deinit(&a);
	}
}

static void only_so_many_pages_are_kept(void **state)
{
	struct goimport_tag tags[] = { { SPAN("a.x"), SPAN("git"), SPAN("https://b"), SPAN("") } };
	struct host h = { .page = { .tags = tags, .n = 1 } };
	struct pagecache *c = cache_for(&h, 60000, 60000, 2);
	struct arena a = ARENA_INIT;
	struct goimport_tag tag;
	struct mg_err err;
	assert_int_equal(match(c, "a.x/1", "a.x/1", &a, &tag, &err), MG_OK);
	assert_int_equal(match(c, "a.x/2", "a.x/2", &a, &tag, &err), MG_OK);
	assert_int_equal(match(c, "a.x/3", "a.x/3", &a, &tag, &err), MG_OK);
	assert_int_equal(match(c, "a.x/2", "a.x/2", &a, &tag, &err), MG_OK);
	assert_int_equal(h.asked, 3);
	assert_int_equal(match(c, "a.x/1", "a.x/1", &a, &tag, &err), MG_OK);
	assert_int_equal(h.asked, 4);
	pagecache_free(&c);
	arena_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_fetched_once_for_all_its_paths),
		cmocka_unit_test(what_is_not_there_is_believed_and_a_fault_is_not),
		cmocka_unit_test(only_so_many_pages_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
