/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/goimport.h"

#include "gomod/repopath.h"
#include "gomod/rune.h"
#include "gomod/xmlscan.h"

/* What matters of the tag that is read; of two attributes of a name the first counts. */
struct reading {
	bool has_name, has_content;
	bool is_go_import;
	struct mg_span content; /* in the arena */
	struct arena *arena;
	struct goimport_page *out;
	size_t cap; /* of out->tags */
};

static void take_attribute(void *arg, struct mg_span name, struct mg_span value)
{
	struct reading *r = arg;
	if (span_eq_nocase(name, SPAN("name")) && !r->has_name) {
		r->has_name = true;
		r->is_go_import = span_eq(value, SPAN("go-import"));
	} else if (span_eq_nocase(name, SPAN("content")) && !r->has_content) {
		r->has_content = true;
		r->content = arena_dup(r->arena, value);
	}
}

/* The next run of what is no white space; empty at the end. */
static struct mg_span take_field(struct mg_span *rest)
{
	*rest = rune_trim_space(*rest);
	struct mg_span left = *rest;
	while (left.n > 0) {
		struct mg_span here = left;
		if (!rune_is_space(rune_next(&left))) continue;
		left = here;
		break;
	}
	struct mg_span field = span_first(*rest, rest->n - left.n);
	*rest = left;
	return field;
}

static void add_tag(struct reading *r)
{
	struct mg_span content = r->content;
	struct goimport_tag tag = { .prefix = take_field(&content) };
	tag.vcs = take_field(&content);
	tag.url = take_field(&content);
	tag.subdir = take_field(&content);
	if (tag.url.n == 0 || take_field(&content).n > 0) return;
	if (r->out->n == r->cap) {
		r->cap = r->cap == 0 ? 4 : 2 * r->cap;
		struct goimport_tag *more = arena_alloc(r->arena, r->cap * sizeof *more);
		if (r->out->n > 0) memcpy(more, r->out->tags, r->out->n * sizeof *more);
		r->out->tags = more;
	}
	r->out->tags[r->out->n++] = tag;
}

/* False: reading ends here. */
static bool take_token(struct reading *r, const struct xmlscan_token *t)
{
	if (t->kind == XMLSCAN_OTHER) return true;
	if (t->kind != XMLSCAN_END && r->is_go_import && span_eq_nocase(t->name, SPAN("meta")))
		add_tag(r);
	r->has_name = r->has_content = r->is_go_import = false;
	r->content = SPAN("");
	if (t->kind != XMLSCAN_START && span_eq_nocase(t->name, SPAN("head"))) return false;
	return t->kind == XMLSCAN_END || !span_eq_nocase(t->name, SPAN("body"));
}

enum mg_code goimport_parse(struct mg_span page, struct arena *a, struct goimport_page *out,
			    struct mg_err *err)
{
	struct reading r = { .arena = a, .out = out };
	struct xmlscan_token t;
	struct xmlscan s;
	enum mg_code rc = MG_OK;
	*out = (struct goimport_page){ .n = 0 };
	xmlscan_init(&s, page, take_attribute, &r);
	while (xmlscan_next(&s, &t) && take_token(&r, &t))
		continue;
	out->ended = !s.ran_out;
	if (s.why != NULL && out->n == 0)
		rc = err_set(err, MG_INVALID, MG_CAUSE_VCS, "line %zu: %s", xmlscan_line(&s),
			     s.why);
	xmlscan_deinit(&s);
	return rc;
}

enum mg_code goimport_match(const struct goimport_page *page, struct mg_span path,
			    struct goimport_tag *out, struct mg_err *err)
{
	const struct goimport_tag *found[2] = { NULL, NULL }; /* a repository, a module proxy */
	size_t n[2] = { 0, 0 };
	for (size_t i = 0; i < page->n; i++) {
		const struct goimport_tag *t = &page->tags[i];
		if (!repopath_has_prefix(path, t->prefix)) continue;
		bool is_mod = span_eq(t->vcs, SPAN("mod"));
		found[is_mod] = t;
		n[is_mod]++;
	}
	if (n[0] + n[1] == 0)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "the page has %zu go-import tags, none of them for this path",
			       page->n);
	bool is_mod = n[1] > 0;
	if (n[is_mod] > 1)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "the page has %zu go-import tags for this path", n[is_mod]);
	*out = *found[is_mod];
	return MG_OK;
}

bool goimport_same(const struct goimport_tag *a, const struct goimport_tag *b)
{
	return span_eq(a->prefix, b->prefix) && span_eq(a->vcs, b->vcs) &&
	       span_eq(a->url, b->url) && span_eq(a->subdir, b->subdir);
}

enum mg_code goimport_check(const struct goimport_tag *tag, struct mg_err *err)
{
	if (!span_eq(tag->vcs, SPAN("mod")) && !repopath_is_vcs(tag->vcs))
		return err_set(
			err, MG_NOT_FOUND, MG_CAUSE_VCS,
			"its go-import tag names \"%.*s\", which is no version control system",
			SPAN_ARG(tag->vcs));
	bool leads_out = tag->subdir.n > 0 && (tag->subdir.p[0] == '/' || tag->subdir.p[0] == '-');
	for (struct mg_span rest = tag->subdir; rest.p != NULL;)
		leads_out |= span_eq(span_cut(&rest, '/'), SPAN(".."));
	if (leads_out)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "its go-import tag has the subdirectory \"%.*s\"",
			       SPAN_ARG(tag->subdir));
	return MG_OK;
}
