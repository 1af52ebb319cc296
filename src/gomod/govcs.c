/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/govcs.h"

#include "base/map.h"
#include "gomod/pattern.h"
#include "gomod/rune.h"

static enum mg_code refuse(struct mg_err *err, struct mg_span item, const char *why)
{
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "GOVCS: \"%.*s\" %s", SPAN_ARG(item), why);
}

static bool is_relative(struct mg_span pattern)
{
	return span_eq(pattern, SPAN(".")) || span_eq(pattern, SPAN("..")) ||
	       span_has_prefix(pattern, SPAN("./")) || span_has_prefix(pattern, SPAN("../"));
}

static enum mg_code parse_item(struct mg_span item, struct govcs_rule *out, struct mg_err *err)
{
	struct mg_span rest = item;
	out->pattern = rune_trim_space(span_cut(&rest, ':'));
	if (rest.p == NULL) return refuse(err, item, "has no colon between pattern and systems");
	out->systems = rune_trim_space(rest);
	if (out->pattern.n == 0) return refuse(err, item, "has no pattern");
	if (out->systems.n == 0) return refuse(err, item, "names no system");
	if (is_relative(out->pattern)) return refuse(err, item, "has a relative pattern");
	for (rest = out->systems; rest.p != NULL;)
		if (rune_trim_space(span_cut(&rest, '|')).n == 0)
			return refuse(err, item, "has an empty name among its systems");
	return MG_OK;
}

/* value = rule *( "," rule )    rule = pattern ":" system *( "|" system ), spaces around each */
enum mg_code govcs_parse(struct mg_span value, struct arena *a, struct govcs *out,
			 struct mg_err *err)
{
	struct map seen = MAP_INIT;
	enum mg_code rc = MG_OK;
	*out = (struct govcs){ .n = 0 };
	value = rune_trim_space(value);
	if (value.n == 0) return MG_OK;
	size_t n = 1;
	for (size_t i = 0; i < value.n; i++)
		n += value.p[i] == ',';
	struct govcs_rule *rules = arena_alloc(a, n * sizeof *rules);
	struct map_node *nodes = arena_alloc(a, n * sizeof *nodes);
	n = 0;
	for (struct mg_span rest = value; rc == MG_OK && rest.p != NULL;) {
		struct mg_span item = rune_trim_space(span_cut(&rest, ','));
		rc = item.n == 0 ? refuse(err, value, "has an empty entry")
				 : parse_item(item, &rules[n], err);
		if (rc != MG_OK) break;
		nodes[n].key = rules[n].pattern;
		if (map_get(&seen, nodes[n].key) != NULL)
			rc = refuse(err, item, "has the pattern of an earlier rule");
		else
			map_put(&seen, &nodes[n++]);
	}
	map_deinit(&seen);
	if (rc == MG_OK) *out = (struct govcs){ .rules = rules, .n = n };
	return rc;
}

static bool names(struct mg_span systems, struct mg_span vcs)
{
	while (systems.p != NULL) {
		struct mg_span one = rune_trim_space(span_cut(&systems, '|'));
		if (span_eq(one, SPAN("all")) || span_eq(one, vcs)) return true;
	}
	return false;
}

bool govcs_allows(const struct govcs *g, struct mg_span root, bool is_private, struct mg_span vcs)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct govcs_rule *r = &g->rules[i];
		bool fits = span_eq(r->pattern, SPAN("private"))  ? is_private
			    : span_eq(r->pattern, SPAN("public")) ? !is_private
								  : pattern_match(r->pattern, root);
		if (fits) return names(r->systems, vcs);
	}
	return is_private || names(SPAN("git|hg"), vcs);
}
