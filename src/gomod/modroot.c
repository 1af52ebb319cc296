/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modroot.h"

#include "gomod/modpath.h"

#define SHOWN 160

/* Can a module whose go.mod names this path have versions of that major? Only the suffixes count: the
 * repository may be a fork, served under another name. */
static bool major_matches(struct mg_span path, struct mg_span major)
{
	struct mg_span prefix, its;
	if (path.n == 0 || !modpath_split(path, &prefix, &its)) return false;
	if (major.n > 0) return its.n > 0 && span_eq(span_from(its, 1), span_from(major, 1));
	if (span_has_prefix(its, SPAN(".")) && span_has_suffix(its, SPAN("-unstable")))
		its = span_first(its, its.n - strlen("-unstable"));
	return its.n == 0 || span_eq(span_from(its, 1), SPAN("v0")) ||
	       span_eq(span_from(its, 1), SPAN("v1"));
}

bool modroot_has_inner(struct mg_span major, bool root_is_path)
{
	return span_has_prefix(major, SPAN("/")) && !root_is_path;
}

static enum mg_code unfit(struct mg_span dir, struct mg_span vn, struct mg_span major,
			  struct mg_span path, struct mg_err *err)
{
	const char *slash = dir.n > 0 ? "/" : "", *inner_slash = vn.n > 0 ? "/" : "";
	if (path.n == 0)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "%.*s%s%.*s%sgo.mod names no module path",
			       SPAN_ARG(span_first(dir, SHOWN)), slash, SPAN_ARG(vn), inner_slash);
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
		       "%.*s%s%.*s%sgo.mod is that of %.*s, which does not have %s%.*s versions",
		       SPAN_ARG(span_first(dir, SHOWN)), slash, SPAN_ARG(vn), inner_slash,
		       SPAN_ARG(span_first(path, SHOWN)), major.n > 0 ? "" : "v0 or v1",
		       SPAN_ARG(span_from(major, 1)));
}

enum mg_code modroot_choose(struct mg_span dir, struct mg_span major,
			    const struct modroot_file *outer, const struct modroot_file *inner,
			    enum modroot *out, struct mg_err *err)
{
	/* golang.org/issue/34254: a fork of gopkg.in/x.v2 was once accepted under a path without a major,
	 * and must be for ever. */
	bool outer_fits = outer->exists &&
			  (major_matches(outer->path, major) ||
			   (major.n == 0 && span_has_prefix(outer->path, SPAN("gopkg.in/"))));
	if (inner != NULL && inner->exists) {
		if (!major_matches(inner->path, major))
			return unfit(dir, span_from(major, 1), major, inner->path, err);
		if (outer_fits)
			return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
				       "the repository has the module twice, in \"%.*s\" and in "
				       "its %.*s folder",
				       SPAN_ARG(span_first(dir, SHOWN)),
				       SPAN_ARG(span_from(major, 1)));
		*out = MODROOT_INNER;
		return MG_OK;
	}
	if (outer_fits) {
		*out = MODROOT_OUTER;
		return MG_OK;
	}
	if (outer->exists) return unfit(dir, span_from(major, major.n), major, outer->path, err);
	if (dir.n == 0 && !span_has_prefix(major, SPAN("/"))) {
		*out = MODROOT_MADE_UP;
		return MG_OK;
	}
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
		       "the repository has no go.mod in \"%.*s\"%s%.*s",
		       SPAN_ARG(span_first(dir, SHOWN)), inner != NULL ? " nor in its folder " : "",
		       SPAN_ARG(inner != NULL ? span_from(major, 1) : span_from(major, major.n)));
}
