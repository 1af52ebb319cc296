/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/commitname.h"

#include "gomod/modpath.h"
#include "gomod/pseudo.h"
#include "gomod/version.h"

#define SHOWN        160
#define SHORT_ID     12
#define INCOMPATIBLE SPAN("+incompatible")

/* What is known about vN/go.mod of the commit. */
struct major_folder {
	struct mg_span major;
	bool has_gomod;
	struct major_folder *next;
};

struct naming {
	struct coderepo *r;
	const struct coderepo_commit *commit;
	struct mg_span query;
	const struct coderepo_tag *tags;
	size_t n_tags;
	bool looked_at_root, root_has_gomod;
	struct major_folder *folders;
};

static struct mg_span without_incompatible(struct mg_span v)
{
	return span_has_suffix(v, INCOMPATIBLE) ? span_first(v, v.n - INCOMPATIBLE.n) : v;
}

static bool is_on_commit(const struct naming *n, const struct coderepo_tag *tag)
{
	return span_eq(tag->commit, span_of(n->commit->id));
}

/* The version that a tag stands for, without build metadata; empty if for none. *canonical: is it just so
 * written? Tags that look like pseudo-versions stand for none, but the go command overlooks those of folders. */
static struct mg_span version_of_tag(const struct naming *n, struct mg_span tag, bool *canonical)
{
	struct version v;
	*canonical = false;
	if (!span_has_prefix(tag, n->r->tag_prefix) || pseudo_is(tag)) return (struct mg_span){ 0 };
	if (!version_parse(span_from(tag, n->r->tag_prefix.n), &v) || v.numbers < 3)
		return (struct mg_span){ 0 };
	*canonical = v.build.n == 0;
	return span_first(v.text, v.text.n - v.build.n);
}

static enum mg_code folder_has_gomod(struct naming *n, struct mg_span major, bool *out,
				     struct mg_err *err)
{
	for (struct major_folder *f = n->folders; f != NULL; f = f->next)
		if (span_eq(f->major, major)) {
			*out = f->has_gomod;
			return MG_OK;
		}
	struct major_folder *f = arena_alloc(n->r->arena, sizeof *f);
	enum mg_code rc =
		coderepo_read(n->r, n->commit->id, major, "go.mod", NULL, &f->has_gomod, err);
	if (rc != MG_OK) return rc;
	f->major = major;
	f->next = n->folders;
	n->folders = f;
	*out = f->has_gomod;
	return MG_OK;
}

/* May v, whose major does not fit the path, be a version all the same, as "+incompatible"? Only in a repository
 * that has no go.mod there. Earlier go commands did not look into vN/: what is asked for by its full name they
 * may have given. */
static enum mg_code may_be_incompatible(struct naming *n, struct mg_span v, bool *out,
					struct mg_err *err)
{
	struct coderepo *r = n->r;
	*out = false;
	if (r->dir.n > 0 || r->major.n > 0) return MG_OK;
	if (!n->looked_at_root) {
		enum mg_code rc = coderepo_read(r, n->commit->id, r->dir, "go.mod", NULL,
						&n->root_has_gomod, err);
		if (rc != MG_OK) return rc;
		n->looked_at_root = true;
	}
	if (n->root_has_gomod) return MG_OK;
	if (!span_has_suffix(n->query, INCOMPATIBLE)) {
		bool has_gomod;
		enum mg_code rc = folder_has_gomod(n, version_major(v), &has_gomod, err);
		if (rc != MG_OK || has_gomod) return rc;
	}
	*out = true;
	return MG_OK;
}

static enum mg_code may_be_version(struct naming *n, struct mg_span v, bool *out,
				   struct mg_err *err)
{
	*out = modpath_major_fits(v, n->r->major);
	return *out ? MG_OK : may_be_incompatible(n, v, out, err);
}

/* The module must be at what v leads to. That is the commit, but for a pseudo-version that was read from a
 * folder's tag. */
static enum mg_code check_module(struct naming *n, struct mg_span v, struct mg_err *err)
{
	struct coderepo_place place;
	struct coderepo_commit other;
	struct pseudo p;
	const char *id = n->commit->id;
	if (pseudo_parse(v, &p) && !span_has_prefix(span_of(id), p.rev)) {
		struct mg_buf ref = BUF_MAX(4096);
		enum mg_code rc = n->r->ops->resolve(n->r->arg, p.rev, &other, &ref, err);
		buf_deinit(&ref);
		if (rc != MG_OK) return rc;
		id = other.id;
	}
	return coderepo_find(n->r, id, &place, err);
}

/* Protocol §3.8, finish. */
static enum mg_code finish(struct naming *n, struct mg_span v, struct mg_span *out,
			   struct mg_err *err)
{
	bool fits, incompatible = false;
	enum mg_code rc = check_module(n, v, err);
	if (rc != MG_OK) return rc;
	if (n->query.n > 0 && span_eq(v, without_incompatible(n->query))) v = n->query;
	struct mg_span base = without_incompatible(v);
	fits = modpath_major_fits(base, n->r->major);
	if (!fits) rc = may_be_incompatible(n, base, &incompatible, err);
	if (rc != MG_OK) return rc;
	if (version_is_canonical(n->query) && !span_eq(without_incompatible(n->query), base))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "%.*s is no tag; the commit's version is %.*s",
			       SPAN_ARG(span_first(n->query, SHOWN)),
			       SPAN_ARG(span_first(v, SHOWN)));
	if (!fits && !incompatible)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       n->r->major.n > 0
				       ? "version %.*s does not fit the path's major version"
				       : "version %.*s has a go.mod, so that its path must end in "
					 "its major version",
			       SPAN_ARG(span_first(v, SHOWN)));
	if (fits && span_has_suffix(v, INCOMPATIBLE))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "version %.*s is compatible: it has no +incompatible",
			       SPAN_ARG(span_first(v, SHOWN)));
	*out = fits ? arena_dup(n->r->arena, v)
		    : span_of(arena_printf(n->r->arena, "%.*s+incompatible", SPAN_ARG(base)));
	return MG_OK;
}

static enum mg_code refused(struct mg_span version, const char *why, struct mg_err *err)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "pseudo-version %.*s %s",
		       SPAN_ARG(span_first(version, SHOWN)), why);
}

/* Does the commit descend from a tag of the version base? */
static enum mg_code check_base(struct naming *n, struct mg_span version, struct mg_span base,
			       struct mg_err *err)
{
	bool exists = false, descends = false;
	struct mg_span prefix = n->r->tag_prefix;
	bool *merged = arena_alloc(n->r->arena, n->n_tags * sizeof *merged + 1);
	for (size_t i = 0; i < n->n_tags; i++) {
		struct mg_span tag = n->tags[i].name;
		if (span_has_prefix(tag, prefix)) tag = span_from(tag, prefix.n);
		if (is_on_commit(n, &n->tags[i]) && span_eq(tag, base))
			return refused(version,
				       "names a commit that has the tag it is derived from", err);
	}
	enum mg_code rc = n->r->ops->merged(n->r->arg, n->commit->id, merged, err);
	if (rc != MG_OK) return rc;
	for (size_t i = 0; i < n->n_tags; i++) {
		struct mg_span tag = n->tags[i].name;
		if (!span_has_prefix(tag, prefix)) continue;
		tag = span_from(tag, prefix.n);
		if (!span_has_prefix(tag, base) || version_compare(tag, base) != 0) continue;
		exists = true;
		descends |= merged[i];
	}
	if (!exists) return refused(version, "is derived from a tag that does not exist", err);
	return descends
		       ? MG_OK
		       : refused(version, "names a commit that does not descend from its tag", err);
}

/* Is it one of the names that the commit may have? Else anybody could give it one that is higher than all
 * versions, or as many as he likes. */
static enum mg_code check_pseudo(struct naming *n, struct mg_span version, struct mg_err *err)
{
	struct pseudo p;
	int64_t time_s;
	struct mg_buf base = BUF_MAX(version.n + 1);
	struct mg_span v = without_incompatible(version);
	enum mg_code rc = MG_OK;
	if (!pseudo_parse(version, &p) ||
	    !span_eq(p.rev, span_first(span_of(n->commit->id), SHORT_ID)))
		return refused(version, "does not have the first 12 digits of the commit's id",
			       err);
	if (!pseudo_time(version, &time_s) || time_s != n->commit->time_s)
		return refused(version, "does not have the commit's time", err);
	if (pseudo_base(v, &base, NULL) != MG_OK)
		rc = refused(version, "cannot be derived from any tag", err);
	else if (base.n > 0)
		rc = check_base(n, version, buf_span(&base), err);
	else if (n->r->pseudo_major.n == 0 && span_eq(version_major(version), SPAN("v1")))
		rc = refused(version, "is of v1, but derived from no tag", err);
	buf_deinit(&base);
	return rc;
}

/* The highest version among the commit's tags; *asked: the query itself, if one of them is it; *same: a tag that
 * is the same version otherwise spelled. */
static enum mg_code look_at_tags(struct naming *n, struct mg_span *asked, struct mg_span *same,
				 struct mg_span *highest, struct mg_err *err)
{
	for (size_t i = 0; i < n->n_tags; i++) {
		bool canonical, retracted, allowed = false;
		if (!is_on_commit(n, &n->tags[i])) continue;
		struct mg_span v = version_of_tag(n, n->tags[i].name, &canonical);
		if (v.n == 0) continue;
		if (version_is_valid(n->query) && version_compare(v, n->query) == 0)
			*(canonical ? asked : same) = v;
		if (!canonical || version_compare(*highest, v) >= 0) continue;
		enum mg_code rc = coderepo_retracted(n->r, v, &retracted, err);
		if (rc == MG_OK && !retracted) rc = may_be_version(n, v, &allowed, err);
		if (rc != MG_OK) return rc;
		if (allowed) *highest = v;
	}
	return MG_OK;
}

/* The highest version among the tags of the commit and of those it descends from. */
static enum mg_code look_at_history(struct naming *n, struct mg_span *highest, struct mg_err *err)
{
	bool canonical, retracted, allowed = false;
	if (n->n_tags == 0) return MG_OK;
	bool *merged = arena_alloc(n->r->arena, n->n_tags * sizeof *merged);
	enum mg_code rc = n->r->ops->merged(n->r->arg, n->commit->id, merged, err);
	for (size_t i = 0; rc == MG_OK && i < n->n_tags; i++) {
		struct mg_span v = { 0 };
		if (merged[i]) v = version_of_tag(n, n->tags[i].name, &canonical);
		if (v.n == 0 || version_compare(v, *highest) <= 0) continue;
		rc = may_be_version(n, v, &allowed, err);
		if (rc != MG_OK || !allowed) continue;
		rc = coderepo_retracted(n->r, v, &retracted, err);
		if (rc == MG_OK && !retracted) *highest = v;
	}
	return rc;
}

static enum mg_code derive(struct naming *n, struct mg_span base, struct mg_span *out,
			   struct mg_err *err)
{
	struct mg_buf v = BUF_MAX(base.n + 256);
	pseudo_build(n->r->pseudo_major, base, n->commit->time_s,
		     span_first(span_of(n->commit->id), SHORT_ID), &v);
	enum mg_code rc = finish(n, arena_dup(n->r->arena, buf_span(&v)), out, err);
	buf_deinit(&v);
	return rc;
}

enum mg_code commitname_find(struct coderepo *r, const struct coderepo_commit *commit,
			     struct mg_span query, struct mg_span tag, struct mg_span *out,
			     struct mg_err *err)
{
	struct naming n = { .r = r, .commit = commit, .query = query };
	struct mg_span asked = { 0 }, base = { 0 }, highest = { 0 };
	bool canonical;
	enum mg_code rc = coderepo_tags(r, &n.tags, &n.n_tags, err);
	if (rc != MG_OK) return rc;
	if (pseudo_is(query)) {
		struct mg_span version;
		rc = finish(&n, query, &version, err);
		if (rc == MG_OK) rc = check_pseudo(&n, query, err);
		if (rc == MG_OK) *out = version;
		return rc;
	}
	struct mg_span named = version_of_tag(&n, tag, &canonical);
	if (named.n > 0 && canonical) {
		rc = finish(&n, named, out, err);
		if (rc != MG_NOT_FOUND) return rc;
	}
	rc = look_at_tags(&n, &asked, &base, &highest, err);
	if (rc != MG_OK) return rc;
	if (asked.n > 0) return finish(&n, asked, out, err);
	if (highest.n > 0) return finish(&n, highest, out, err);
	/* What is no module is refused before its history is asked for, which may not be there yet. */
	struct coderepo_place place;
	rc = coderepo_find(r, commit->id, &place, err);
	if (rc == MG_OK && base.n == 0) rc = look_at_history(&n, &base, err);
	return rc == MG_OK ? derive(&n, base, out, err) : rc;
}
