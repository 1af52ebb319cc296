/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/pagecache.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "loop/share.h"

#define TAGS_MAX (1u << 20)

struct pagecache {
	struct pagecache_options options;
	struct share *share; /* by path */
};

struct question {
	const struct pagecache_options *options;
	struct mg_span path;
	const struct cancel *cancel;
};

struct pagecache *pagecache_new(const struct pagecache_options *o)
{
	struct pagecache *c = check_calloc(1, sizeof *c);
	c->options = *o;
	c->share = share_new(&(struct share_options){
		.keep_ms = o->found_ms, .absent_ms = o->absent_ms, .max = o->pages_max });
	return c;
}

void pagecache_free(struct pagecache **cp)
{
	struct pagecache *c = *cp;
	if (c == NULL) return;
	share_free(&c->share);
	free(c);
	*cp = NULL;
}

/* What is shared of a page: *( prefix SP vcs SP url SP [subdir] LF ). No field of a tag has white space in it. */
static void write_tags(const struct goimport_page *page, struct mg_buf *out)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct goimport_tag *t = &page->tags[i];
		buf_printf(out, "%.*s %.*s %.*s %.*s\n", SPAN_ARG(t->prefix), SPAN_ARG(t->vcs),
			   SPAN_ARG(t->url), SPAN_ARG(t->subdir));
	}
}

static struct goimport_page read_tags(struct mg_span text, struct arena *a)
{
	struct goimport_page page = { .n = 0 };
	for (size_t i = 0; i < text.n; i++)
		page.n += text.p[i] == '\n';
	page.tags = arena_alloc(a, (page.n + 1) * sizeof *page.tags);
	for (size_t i = 0; i < page.n; i++) {
		struct mg_span line = span_cut(&text, '\n');
		struct goimport_tag *t = &page.tags[i];
		t->prefix = span_cut(&line, ' ');
		t->vcs = span_cut(&line, ' ');
		t->url = span_cut(&line, ' ');
		t->subdir = line;
	}
	return page;
}

static enum mg_code ask(void *arg, struct mg_buf *out, struct mg_err *err)
{
	const struct question *q = arg;
	struct arena a = ARENA_INIT;
	struct goimport_page page;
	struct goimport_tag none;
	enum mg_code rc = q->options->fetch(q->options->arg, q->path, q->cancel, &a, &page, err);
	if (rc == MG_OK && page.n == 0) rc = goimport_match(&page, q->path, &none, err);
	if (rc == MG_OK) write_tags(&page, out);
	if (rc == MG_OK && buf_failed(out))
		rc = err_set(err, MG_INVALID, MG_CAUSE_VCS, "the page's tags are too long");
	arena_deinit(&a);
	return rc;
}

enum mg_code pagecache_match(struct pagecache *c, struct mg_span at, struct mg_span path,
			     const struct cancel *cancel, struct arena *a, struct goimport_tag *out,
			     struct mg_err *err)
{
	struct question q = { .options = &c->options, .path = at, .cancel = cancel };
	struct mg_buf text = BUF_MAX(TAGS_MAX);
	struct arena scratch = ARENA_INIT;
	struct goimport_tag tag;
	enum mg_code rc = share_get(c->share, at, cancel, ask, &q, &text, err);
	if (rc == MG_OK) {
		const struct goimport_page page = read_tags(buf_span(&text), &scratch);
		rc = goimport_match(&page, path, &tag, err);
	}
	if (rc == MG_OK)
		*out = (struct goimport_tag){ .prefix = arena_dup(a, tag.prefix),
					      .vcs = arena_dup(a, tag.vcs),
					      .url = arena_dup(a, tag.url),
					      .subdir = arena_dup(a, tag.subdir) };
	arena_deinit(&scratch);
	buf_deinit(&text);
	return rc;
}
