/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/discovery.h"

#include <stdlib.h>

#include "base/check.h"
#include "gomod/govcs.h"
#include "gomod/modpath.h"
#include "gomod/pattern.h"
#include "gomod/repopath.h"
#include "gomod/repourl.h"
#include "vcs/moved.h"
#include "vcs/pagecache.h"

#define PAGES_MAX 256

struct discovery {
	struct discovery_options options;
	struct pagecache *pages;
	struct moved *moved;
	struct arena arena; /* of the policy */
	struct govcs govcs;
};

static enum mg_code fetch_page(void *arg, struct mg_span path, const struct cancel *cancel,
			       struct arena *a, struct goimport_page *out, struct mg_err *err)
{
	const struct discovery *d = arg;
	return gopage_fetch(&d->options.page, path, cancel, a, out, err);
}

enum mg_code discovery_new(const struct discovery_options *options, struct discovery **out,
			   struct mg_err *err)
{
	struct discovery *d = check_calloc(1, sizeof *d);
	d->options = *options;
	enum mg_code rc = govcs_parse(span_of(options->govcs), &d->arena, &d->govcs, err);
	d->pages = pagecache_new(&(struct pagecache_options){ .found_ms = options->found_ms,
							      .absent_ms = options->absent_ms,
							      .pages_max = PAGES_MAX,
							      .fetch = fetch_page,
							      .arg = d });
	d->moved = moved_new(&d->options.page, options->found_ms);
	if (rc == MG_OK)
		*out = d;
	else
		discovery_free(&d);
	return rc;
}

void discovery_free(struct discovery **dp)
{
	struct discovery *d = *dp;
	if (d == NULL) return;
	pagecache_free(&d->pages);
	moved_free(&d->moved);
	arena_deinit(&d->arena);
	free(d);
	*dp = NULL;
}

static enum mg_code refuse(struct mg_err *err, const char *why)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "%s", why);
}

/* What is known of a repository before its URL is judged. */
struct finding {
	struct mg_span path, root, url, vcs, subdir;
	bool mapped;   /* the operator has said so */
	bool insecure; /* for the path certificates do not matter */
};

static enum mg_code may_use(const struct discovery *d, struct mg_span root, struct mg_span vcs,
			    struct mg_err *err)
{
	const char *globs = d->options.page.private_globs;
	const bool is_private = globs != NULL && pattern_match(span_of(globs), root);
	if (span_eq(vcs, SPAN("mod"))) return MG_OK;
	if (!govcs_allows(&d->govcs, root, is_private, vcs))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "GOVCS does not allow %.*s for %s modules like this one",
			       SPAN_ARG(vcs), is_private ? "private" : "public");
	if (!span_eq(vcs, SPAN("git")))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "unsupported version control: its repository is one of %.*s",
			       SPAN_ARG(vcs));
	return MG_OK;
}

static bool is_any(struct mg_span scheme, const char *list)
{
	for (struct mg_span rest = span_of(list); rest.p != NULL;)
		if (span_eq(span_cut(&rest, ' '), scheme)) return true;
	return false;
}

/* May a repository be asked that way? The operator's own word is enough for all that git has without helpers. */
static enum mg_code check_scheme(const struct finding *f, bool named, struct mg_span url,
				 struct mg_err *err)
{
	struct repourl u;
	struct mg_err why;
	if (repourl_parse(url, &u, &why) != MG_OK)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "%s", why.text);
	if (is_any(u.scheme, "https ssh git+ssh")) return MG_OK;
	if ((named || f->insecure) && is_any(u.scheme, "http git")) return MG_OK;
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
		       "its repository is at a %.*s URL; only https, ssh and git+ssh are used",
		       SPAN_ARG(u.scheme));
}

static bool is_http(struct mg_span url)
{
	return span_has_prefix(url, SPAN("https://")) || span_has_prefix(url, SPAN("http://"));
}

/* What git needs to be told to reach the repository at url. */
static enum mg_code place_git(struct discovery *d, const struct finding *f, struct mg_span url,
			      const struct cancel *cancel, struct arena *a, struct vcs_place *out,
			      struct mg_err *err)
{
	const struct gopage_options *o = &d->options.page;
	bool named = f->mapped;
	struct mg_span at = url;
	if (d->options.mapping != NULL && mapping_rewrite(d->options.mapping, url, a, &at))
		named = true;
	enum mg_code rc = check_scheme(f, named, at, err);
	if (rc != MG_OK) return rc;
	const enum reach reach = named ? REACH_INSIDE : gopage_reach(o, f->path, at);
	out->reach = reach;
	out->protocols = named || f->insecure ? SPAN("https:ssh:http:git") : SPAN("https:ssh");
	if (!is_http(at)) {
		struct repourl u;
		if (repourl_parse(at, &u, err) != MG_OK) return MG_NOT_FOUND;
		out->at = at;
		return upstream_check_host(o->upstream, reach, u.host, err);
	}
	return moved_find(d->moved, at, reach, f->insecure, cancel, a, out, err);
}

/* Is there a repository at the place's URL? It is judged before git goes there. */
static enum mg_code probe(struct discovery *d, const struct finding *f, struct vcs_place *place,
			  const struct cancel *cancel, struct arena *a, struct mg_err *err)
{
	enum mg_code rc = place_git(d, f, place->url, cancel, a, place, err);
	return rc == MG_OK ? d->options.probe(d->options.arg, place, cancel, err) : rc;
}

/* The first scheme with which there is a repository. */
static enum mg_code probe_schemes(struct discovery *d, struct finding *f,
				  const struct cancel *cancel, struct arena *a, struct mg_err *err)
{
	static const char *const schemes[] = { "https", "git+ssh", "ssh", "http", "git" };
	struct mg_err first = { 0 }, why = { 0 };
	enum mg_code rc = MG_OK;
	for (size_t i = 0; i < (f->insecure ? 5u : 3u); i++) {
		struct vcs_place place = { .kind = VCS_GIT, .root = f->root };
		place.url = span_of(arena_printf(a, "%s://%.*s", schemes[i], SPAN_ARG(f->url)));
		rc = probe(d, f, &place, cancel, a, &why);
		if (rc == MG_OK) {
			f->url = place.url;
			return MG_OK;
		}
		/* What https says is worth most to who reads it. */
		if (i == 0) first = why;
		if (rc == MG_CANCELED || (rc == MG_DENIED && why.cause == MG_CAUSE_POLICY)) break;
	}
	if (rc != MG_CANCELED) why = first;
	if (err != NULL) *err = why;
	return why.code;
}

/* The page of the path, and when that speaks for a shorter one, its page too. */
static enum mg_code ask_host(struct discovery *d, struct finding *f, const struct cancel *cancel,
			     struct arena *a, struct mg_err *err)
{
	struct goimport_tag tag, again;
	enum mg_code rc = pagecache_match(d->pages, f->path, f->path, cancel, a, &tag, err);
	if (rc != MG_OK) return rc;
	if (!span_eq(tag.prefix, f->path)) {
		rc = pagecache_match(d->pages, tag.prefix, f->path, cancel, a, &again, err);
		if (rc == MG_OK && !goimport_same(&tag, &again)) rc = MG_NOT_FOUND;
		if (rc == MG_NOT_FOUND || rc == MG_INVALID)
			return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
				       "its page and that of %.*s disagree about its repository",
				       SPAN_ARG(tag.prefix));
		if (rc != MG_OK) return rc;
	}
	rc = goimport_check(&tag, err);
	f->root = tag.prefix;
	f->url = tag.url;
	f->vcs = tag.vcs;
	f->subdir = tag.subdir;
	return rc;
}

static enum mg_code find(struct discovery *d, struct finding *f, const struct cancel *cancel,
			 struct arena *a, struct mg_err *err)
{
	struct repopath r;
	const struct mapping *m = d->options.mapping;
	switch (m != NULL ? mapping_find(m, f->path, a, &f->root, &f->url) : MAPPING_NONE) {
	case MAPPING_FOUND:
		f->mapped = true;
		f->vcs = SPAN("git");
		return MG_OK;
	case MAPPING_ABOVE:
		return refuse(err, "vcs.map has repositories below this path only");
	case MAPPING_NONE:
		break;
	}
	enum mg_code rc = repopath_find(f->path, &r, err);
	if (rc != MG_OK) return rc;
	if (r.kind == REPOPATH_ASK) {
		rc = ask_host(d, f, cancel, a, err);
		return rc == MG_OK ? may_use(d, f->root, f->vcs, err) : rc;
	}
	f->root = r.root;
	f->vcs = r.vcs;
	f->url = r.repo;
	rc = may_use(d, r.root, r.vcs, err);
	if (rc != MG_OK) return rc;
	if (r.kind == REPOPATH_QUALIFIED) return probe_schemes(d, f, cancel, a, err);
	f->url = span_of(arena_printf(a, "https://%.*s", SPAN_ARG(r.repo)));
	return MG_OK;
}

enum mg_code discovery_find(struct discovery *d, struct mg_span path, const struct cancel *cancel,
			    struct arena *a, struct vcs_place *out, struct mg_err *err)
{
	struct finding f = { .path = path, .insecure = gopage_is_insecure(&d->options.page, path) };
	enum mg_code rc = modpath_check(path, err);
	if (rc == MG_OK) rc = find(d, &f, cancel, a, err);
	if (rc == MG_OK && span_find(f.root, SPAN("...")) >= 0)
		rc = refuse(err, "a repository's root cannot have \"...\" in it");
	/* What stands in a page is the page's fault, and an absence for who asks. */
	if (rc == MG_INVALID) {
		if (err != NULL) err->code = MG_NOT_FOUND;
		rc = MG_NOT_FOUND;
	}
	if (rc != MG_OK) return rc;
	struct vcs_place place = { .kind = VCS_GIT,
				   .root = arena_dup(a, f.root),
				   .url = arena_dup(a, f.url),
				   .subdir = arena_dup(a, f.subdir) };
	if (span_eq(f.vcs, SPAN("mod"))) {
		place.kind = VCS_PROXY;
		const bool fine = span_has_prefix(f.url, SPAN("https://")) ||
				  (f.insecure && span_has_prefix(f.url, SPAN("http://")));
		if (!fine) rc = refuse(err, "its page names a module proxy without https");
	} else {
		rc = place_git(d, &f, f.url, cancel, a, &place, err);
	}
	if (rc == MG_OK) *out = place;
	return rc;
}
