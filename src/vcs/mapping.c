/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/mapping.h"

#include "gomod/modpath.h"
#include "gomod/repourl.h"

#define STARS_MAX 8
#define URL_MAX   4096

struct mapping_rule {
	struct mg_span from, to;
};

static enum mg_code refuse(struct mg_err *err, struct mg_span rule, const char *why)
{
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "\"%.*s\": %s", SPAN_ARG(rule), why);
}

/* rule = from 1*space to */
static bool split(struct mg_span rule, struct mapping_rule *out)
{
	struct mg_span rest = span_trim(rule);
	out->from = span_cut(&rest, ' ');
	out->to = span_trim(rest);
	return out->from.n > 0 && out->to.n > 0 && span_index(out->to, ' ') < 0;
}

static size_t count(struct mg_span s, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

/* Puts the words in the places of the stars; a star too many gets "x". */
static struct mg_span fill(struct mg_span url, const struct mg_span *words, size_t n,
			   struct arena *a)
{
	struct mg_buf out = BUF_MAX(URL_MAX);
	for (size_t i = 0, star = 0; i < url.n; i++) {
		if (url.p[i] != '*')
			buf_append_char(&out, url.p[i]);
		else
			buf_append(&out, star < n ? words[star] : SPAN("x"));
		star += url.p[i] == '*';
	}
	struct mg_span filled = arena_dup(a, buf_span(&out));
	buf_deinit(&out);
	return filled;
}

static enum mg_code check_path_rule(struct mg_span text, const struct mapping_rule *r,
				    struct arena *a, struct mg_err *err)
{
	struct repourl url;
	struct mg_err why;
	for (struct mg_span rest = r->from; rest.p != NULL;) {
		struct mg_span element = span_cut(&rest, '/');
		if (element.n == 0 || (element.n > 1 && span_index(element, '*') >= 0))
			return refuse(err, text, "an element is literal, or \"*\" alone");
	}
	if (r->from.p[0] == '*') return refuse(err, text, "its first element is a host");
	if (count(r->from, '*') > STARS_MAX || count(r->to, '*') != count(r->from, '*'))
		return refuse(err, text, "the URL has as many \"*\" as the pattern, at most 8");
	if (repourl_parse(fill(r->to, NULL, 0, a), &url, &why) != MG_OK)
		return refuse(err, text, why.text);
	return MG_OK;
}

static enum mg_code check_url_rule(struct mg_span text, const struct mapping_rule *r,
				   struct mg_err *err)
{
	struct repourl url;
	struct mg_err why;
	if (repourl_parse(r->from, &url, &why) != MG_OK ||
	    repourl_parse(r->to, &url, &why) != MG_OK)
		return refuse(err, text, why.text);
	return MG_OK;
}

static size_t rules_in(struct mg_span list)
{
	return span_trim(list).n == 0 ? 0 : count(list, ',') + 1;
}

enum mg_code mapping_parse(struct mg_span paths, struct mg_span urls, struct arena *a,
			   struct mapping *out, struct mg_err *err)
{
	struct mapping m = { .paths_n = rules_in(paths), .urls_n = rules_in(urls) };
	m.paths = arena_alloc(a, (m.paths_n + 1) * sizeof *m.paths);
	m.urls = arena_alloc(a, (m.urls_n + 1) * sizeof *m.urls);
	for (size_t i = 0; i < m.paths_n + m.urls_n; i++) {
		const bool is_path = i < m.paths_n;
		struct mapping_rule *r = is_path ? &m.paths[i] : &m.urls[i - m.paths_n];
		struct mg_span text = span_cut(is_path ? &paths : &urls, ',');
		if (!split(arena_dup(a, text), r))
			return refuse(err, text, "write it as two words with a space between");
		enum mg_code rc =
			is_path ? check_path_rule(text, r, a, err) : check_url_rule(text, r, err);
		if (rc != MG_OK) return rc;
	}
	*out = m;
	return MG_OK;
}

/* How many of the path's bytes the pattern stands for; 0: none. *above: the path ends before it does. */
static size_t match(struct mg_span pattern, struct mg_span path, struct mg_span *words, bool *above)
{
	struct mg_span rest = path;
	size_t n = 0, end = 0;
	*above = false;
	while (pattern.p != NULL) {
		struct mg_span want = span_cut(&pattern, '/');
		*above = rest.p == NULL;
		if (*above) return 0;
		struct mg_span element = span_cut(&rest, '/');
		if (span_eq(want, SPAN("*")))
			words[n++] = element;
		else if (!span_eq(want, element))
			return 0;
		end = (size_t)(element.p + element.n - path.p);
	}
	return end;
}

enum mapping_verdict mapping_find(const struct mapping *m, struct mg_span path, struct arena *a,
				  struct mg_span *root, struct mg_span *url)
{
	struct mg_span words[STARS_MAX], whole = path, prefix, major;
	enum mapping_verdict verdict = MAPPING_NONE;
	/* "git.corp/a/v2" is the second major version of git.corp/a, and never a repository "v2" in it. */
	if (modpath_split(path, &prefix, &major) && major.n > 0 && major.p[0] == '/') path = prefix;
	for (size_t i = 0; i < m->paths_n; i++) {
		bool above;
		size_t n = match(m->paths[i].from, path, words, &above);
		if (above) verdict = MAPPING_ABOVE;
		if (n == 0) continue;
		*root = span_first(whole, n);
		*url = fill(m->paths[i].to, words, STARS_MAX, a);
		return MAPPING_FOUND;
	}
	return verdict;
}

bool mapping_rewrite(const struct mapping *m, struct mg_span url, struct arena *a,
		     struct mg_span *out)
{
	const struct mapping_rule *best = NULL;
	for (size_t i = 0; i < m->urls_n; i++) {
		const struct mapping_rule *r = &m->urls[i];
		if (span_has_prefix(url, r->from) && (best == NULL || r->from.n > best->from.n))
			best = r;
	}
	if (best == NULL) return false;
	struct mg_span rest = span_from(url, best->from.n);
	*out = span_of(arena_printf(a, "%.*s%.*s", SPAN_ARG(best->to), SPAN_ARG(rest)));
	return true;
}
