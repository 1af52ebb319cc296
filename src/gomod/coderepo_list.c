/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a module's versions, and which of them is the latest. */
#include "gomod/coderepo.h"
#include "gomod/modpath.h"
#include "gomod/pseudo.h"
#include "gomod/version.h"

static struct mg_span joined(struct coderepo *r, struct mg_span a, struct mg_span b)
{
	return span_of(arena_printf(r->arena, "%.*s%.*s", SPAN_ARG(a), SPAN_ARG(b)));
}

/* The tags that are versions, apart from those that could only be "+incompatible" ones. */
static void sort_out(struct coderepo *r, struct verlist *fitting, struct verlist *others)
{
	for (size_t i = 0; i < r->n_tags; i++) {
		struct mg_span v = r->tags[i].name;
		if (!span_has_prefix(v, r->tag_prefix)) continue;
		v = span_from(v, r->tag_prefix.n);
		/* A tag "v2.0.0+incompatible" cannot be reached: that version means the tag "v2.0.0". */
		if (!version_is_canonical(v) || version_is_incompatible(v) || pseudo_is(v))
			continue;
		if (modpath_major_fits(v, r->major))
			verlist_add(fitting, v, r->arena);
		else if (r->dir.n == 0 && r->major.n == 0)
			verlist_add(others, v, r->arena);
	}
	verlist_sort(fitting);
	verlist_sort(others);
}

static enum mg_code has_gomod(struct coderepo *r, struct mg_span tag, bool *yes, struct mg_err *err)
{
	struct coderepo_commit commit;
	struct mg_buf ref = BUF_MAX(tag.n + 64);
	enum mg_code rc = r->ops->resolve(r->arg, tag, &commit, &ref, err);
	buf_deinit(&ref);
	if (rc != MG_OK) return rc;
	return coderepo_read(r, commit.id, (struct mg_span){ 0 }, "go.mod", NULL, yes, err);
}

/* Majors whose highest version has a go.mod have become modules of their own; the others are of the time
 * before modules. */
static enum mg_code add_incompatible(struct coderepo *r, const struct verlist *others,
				     struct verlist *out, struct mg_err *err)
{
	bool modular = false;
	enum mg_code rc = MG_OK;
	if (out->n > 0 && others->n > 0) rc = has_gomod(r, out->v[out->n - 1], &modular, err);
	if (rc != MG_OK || modular) return rc;
	for (size_t from = 0, to; from < others->n; from = to) {
		struct mg_span major = version_major(others->v[from]);
		for (to = from; to < others->n && span_eq(version_major(others->v[to]), major);)
			to++;
		rc = has_gomod(r, others->v[to - 1], &modular, err);
		if (rc != MG_OK) return rc;
		for (size_t i = from; i < to && !modular; i++)
			verlist_add(out, joined(r, others->v[i], SPAN("+incompatible")), r->arena);
	}
	return MG_OK;
}

enum mg_code coderepo_versions(struct coderepo *r, const struct verlist **out, struct mg_err *err)
{
	/* gopkg.in/x.v2-unstable is the branch v2-unstable; the tags are those of x.v2. */
	bool unstable = span_has_prefix(r->path, SPAN("gopkg.in/")) &&
			span_has_suffix(r->path, SPAN("-unstable"));
	if (!r->has_versions) {
		struct verlist fitting = VERLIST_INIT, others = VERLIST_INIT;
		const struct coderepo_tag *tags;
		size_t n;
		enum mg_code rc = coderepo_tags(r, &tags, &n, err);
		if (rc == MG_OK && !unstable) {
			sort_out(r, &fitting, &others);
			rc = add_incompatible(r, &others, &fitting, err);
		}
		if (rc != MG_OK) return rc;
		r->versions = fitting;
		r->has_versions = true;
	}
	*out = &r->versions;
	return MG_OK;
}

/* The go.mod that says what is retracted. */
static struct mg_span highest_compatible(const struct verlist *list)
{
	struct mg_span release = { 0 }, any = { 0 };
	for (size_t i = 0; i < list->n; i++) {
		struct mg_span v = list->v[i];
		if (version_is_incompatible(v)) break;
		any = v;
		if (!version_is_prerelease(v)) release = v;
	}
	return release.n > 0 ? release : any;
}

enum mg_code coderepo_retracted(struct coderepo *r, struct mg_span version, bool *out,
				struct mg_err *err)
{
	if (!r->has_retractions) {
		const struct verlist *list;
		struct coderepo_version at;
		struct coderepo_place place;
		struct mg_span highest = { 0 };
		struct mg_buf ref = BUF_MAX(4096);
		enum mg_code rc = coderepo_versions(r, &list, err);
		if (rc == MG_OK) highest = highest_compatible(list);
		if (highest.n > 0) {
			rc = r->ops->resolve(r->arg, joined(r, r->tag_prefix, highest), &at.commit,
					     &ref, err);
			if (rc == MG_OK) rc = coderepo_find(r, at.commit.id, &place, err);
			if (rc == MG_OK) r->retractions = retraction_read(place.gomod, r->arena);
		}
		buf_deinit(&ref);
		/* A module whose newest go.mod is not to be had retracts nothing. */
		if (rc != MG_OK && rc != MG_NOT_FOUND) return rc;
		r->has_retractions = true;
	}
	*out = retraction_covers(&r->retractions, version);
	return MG_OK;
}

/* Once past the versions that fit, "+incompatible" ones count only when the highest of those before has no
 * go.mod. */
static enum mg_code ends_before(struct coderepo *r, struct mg_span v, struct mg_span before,
				bool *ends, struct mg_err *err)
{
	struct coderepo_place place;
	*ends = false;
	if (!version_is_incompatible(v) || before.n == 0) return MG_OK;
	enum mg_code rc = coderepo_locate(r, before, &place, err);
	if (rc == MG_OK)
		*ends = !span_eq(place.gomod,
				 joined(r, joined(r, SPAN("module "), r->path), SPAN("\n")));
	return rc;
}

/* The query "latest", leaving out what is retracted. */
static enum mg_code query_latest(struct coderepo *r, const struct retraction *retracted,
				 struct coderepo_version *out, struct mg_err *err)
{
	const struct verlist *list;
	struct mg_span release = { 0 }, prerelease = { 0 }, compatible = { 0 };
	bool legacy = false, ends;
	enum mg_code rc = coderepo_versions(r, &list, err);
	if (rc != MG_OK) return rc;
	for (size_t i = 0; i < list->n; i++) {
		struct mg_span v = list->v[i];
		if (retraction_covers(retracted, v)) continue;
		if (!legacy) {
			rc = ends_before(r, v, compatible, &ends, err);
			if (rc != MG_OK) return rc;
			if (ends) break;
			if (!version_is_incompatible(v))
				compatible = v;
			else
				legacy = compatible.n > 0;
		}
		*(version_is_prerelease(v) ? &prerelease : &release) = v;
	}
	if (release.n > 0) return coderepo_stat(r, release, out, err);
	if (prerelease.n > 0) return coderepo_stat(r, prerelease, out, err);
	rc = coderepo_stat(r, SPAN("latest"), out, err);
	if (rc == MG_OK && retraction_covers(retracted, out->version))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "no version is left: all are retracted, HEAD too");
	return rc;
}

enum mg_code coderepo_latest(struct coderepo *r, struct coderepo_version *out, struct mg_err *err)
{
	struct retraction retracted = RETRACTION_NONE;
	struct coderepo_version highest;
	struct coderepo_place place;
	enum mg_code rc = query_latest(r, &retracted, &highest, err);
	if (rc != MG_OK) return rc;
	/* Even a version that retracts itself says what is retracted. */
	rc = coderepo_locate(r, highest.version, &place, err);
	if (rc != MG_OK && rc != MG_NOT_FOUND) return rc;
	if (rc == MG_OK) retracted = retraction_read(place.gomod, r->arena);
	if (retracted.n > 0) return query_latest(r, &retracted, out, err);
	*out = highest;
	return MG_OK;
}
