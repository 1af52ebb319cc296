/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/sumroute.h"

#include "base/buf.h"
#include "gomod/target.h"

static enum sumroute refuse(struct mg_err *err, const char *why)
{
	err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE, "%s", why);
	return SUMROUTE_REFUSED;
}

/* "/lookup/x@v1.0.0" cannot be a GOPROXY target, which has "/@v/" or "/@latest" in it. */
static bool is_question(struct mg_span path)
{
	return (span_has_prefix(path, SPAN("/lookup/")) && span_find(path, SPAN("/@")) < 0) ||
	       span_has_prefix(path, SPAN("/tile/")) || span_eq(path, SPAN("/latest"));
}

static bool cut_name(struct mg_span *path, struct mg_span name)
{
	if (name.n == 0 || !span_has_prefix(*path, name)) return false;
	*path = span_from(*path, name.n);
	return path->n > 0 && path->p[0] == '/';
}

static bool is_supported(struct mg_span path)
{
	return span_eq(path, SPAN("/supported"));
}

/* path: behind "/sumdb/", decoded. */
static enum sumroute route_named(struct mg_span path, const struct sumroute_names *names,
				 struct arena *a, struct mg_span *what, struct mg_err *err)
{
	struct mg_span rest = path;
	const char *other = NULL;
	bool found = cut_name(&rest, span_of(names->first));
	for (size_t i = 0; i < names->n && !found; i++) {
		other = names->more[i];
		found = cut_name(&rest, span_of(other));
	}
	if (!found)
		return refuse(err, "this server does not answer for that checksum database; "
				   "clients ask it themselves");
	if (is_supported(rest)) return SUMROUTE_SUPPORTED;
	if (!is_question(rest))
		return refuse(err, "a checksum database has lookup/…, tile/… and latest");
	*what = other == NULL ? span_from(rest, 1)
			      : span_of(arena_printf(a, "@%s%.*s", other, SPAN_ARG(rest)));
	return SUMROUTE_ASK;
}

enum sumroute sumroute_of(struct mg_span path, const struct sumroute_names *names, struct arena *a,
			  struct mg_span *what, struct mg_err *err)
{
	const bool named = span_has_prefix(path, SPAN("/sumdb/")), bare = names->first[0] != '\0';
	if (!named && bare && is_supported(path)) return SUMROUTE_SUPPORTED;
	if (!named && (!bare || !is_question(path))) return SUMROUTE_NONE;
	struct mg_buf decoded = BUF_MAX(TARGET_URL_MAX);
	const char *fault =
		path.n > TARGET_URL_MAX ? "the path is too long" : target_decode(path, &decoded);
	struct mg_span rest = arena_dup(a, buf_span(&decoded));
	buf_deinit(&decoded);
	if (fault != NULL) return refuse(err, fault);
	if (named) return route_named(span_from(rest, strlen("/sumdb/")), names, a, what, err);
	*what = span_from(rest, 1);
	return SUMROUTE_ASK;
}
