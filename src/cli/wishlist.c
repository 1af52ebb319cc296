/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wishlist.h"

#include "gomod/modfile.h"

static enum mg_code want_all(struct errand *e, struct mg_span path, struct mg_span version,
			     struct mg_err *err)
{
	static const enum target_kind kinds[] = { TARGET_INFO, TARGET_MOD, TARGET_ZIP };
	enum mg_code rc = MG_OK;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && rc == MG_OK; i++)
		rc = errand_want(e, kinds[i], path, version, err);
	return rc;
}

/* A replacement of one version goes before one of all (go.dev/ref/mod#go-mod-file-replace). */
static const struct modfile_replace *replacement(const struct modfile *f,
						 const struct modfile_module *m)
{
	const struct modfile_replace *found = NULL;
	for (size_t i = 0; i < f->replaces; i++) {
		const struct modfile_replace *r = &f->replace[i];
		if (!span_eq(r->old.path, m->path)) continue;
		if (span_eq(r->old.version, m->version)) return r;
		if (r->old.version.n == 0) found = r;
	}
	return found;
}

enum mg_code wishlist_gomod(struct errand *e, struct mg_span text, struct mg_err *err)
{
	struct arena arena = ARENA_INIT;
	struct modfile f;
	enum mg_code rc = modfile_parse(text, MODFILE_STRICT, &arena, &f, err);
	for (size_t i = 0; rc == MG_OK && i < f.requires; i++) {
		const struct modfile_module *m = &f.require[i].module;
		const struct modfile_replace *r = replacement(&f, m);
		if (r != NULL) m = &r->new;
		if (m->version.n > 0) rc = want_all(e, m->path, m->version, err);
	}
	arena_deinit(&arena);
	return rc;
}

/* line = path SP version [ "/go.mod" ] SP hash LF (go.dev/ref/mod#go-sum-files) */
static enum mg_code take_sum(struct errand *e, struct mg_span line, struct mg_err *err)
{
	const struct mg_span gomod = SPAN("/go.mod");
	const struct mg_span path = span_cut(&line, ' ');
	struct mg_span version = span_cut(&line, ' ');
	if (path.n == 0 || version.n == 0 || line.n == 0 || span_index(line, ' ') >= 0)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "expected MODULE VERSION HASH, as in a go.sum");
	if (!span_has_suffix(version, gomod)) return want_all(e, path, version, err);
	version.n -= gomod.n;
	return errand_want(e, TARGET_MOD, path, version, err);
}

enum mg_code wishlist_gosum(struct errand *e, struct mg_span text, struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	for (unsigned n = 1; text.p != NULL && rc == MG_OK; n++) {
		const struct mg_span line = span_trim(span_cut(&text, '\n'));
		if (line.n > 0) rc = take_sum(e, line, err);
		if (rc != MG_OK) err_wrap(err, "line %u", n);
	}
	return rc;
}

enum mg_code wishlist_module(struct errand *e, struct mg_span word, struct mg_err *err)
{
	struct mg_span version = word;
	const struct mg_span path = span_cut(&version, '@');
	if (version.p == NULL || version.n == 0)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "neither a file nor MODULE@VERSION");
	return want_all(e, path, version, err);
}
