/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/verlist.h"

#include "gomod/modpath.h"
#include "gomod/pseudo.h"
#include "gomod/rfc3339.h"
#include "gomod/rune.h"
#include "gomod/version.h"

#define FIRST_CAP 64

void verlist_add(struct verlist *list, struct mg_span version, struct arena *a)
{
	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? FIRST_CAP : 2 * list->cap;
		struct mg_span *v = arena_alloc(a, cap * sizeof *v);
		if (list->n > 0) memcpy(v, list->v, list->n * sizeof *v);
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n++] = arena_dup(a, version);
}

/* Takes the next word off *line; empty at its end. */
static struct mg_span take_word(struct mg_span *line)
{
	*line = rune_trim_space(*line);
	struct mg_span rest = *line;
	while (rest.n > 0) {
		struct mg_span here = rest;
		if (rune_is_space(rune_next(&rest))) {
			struct mg_span word = span_first(*line, (size_t)(here.p - line->p));
			*line = here;
			return word;
		}
	}
	struct mg_span word = *line;
	*line = rest;
	return word;
}

/* body = *(version [time] LF) */
enum mg_code verlist_parse(struct mg_span body, struct mg_span path, struct arena *a,
			   struct verlist *list, struct mg_err *err)
{
	struct mg_span prefix, major, rest = body;
	bool any_version = false, any_word = false;
	if (!modpath_split(path, &prefix, &major)) major = (struct mg_span){ 0 };
	while (rest.p != NULL) {
		struct mg_span line = span_cut(&rest, '\n');
		struct mg_span word = take_word(&line);
		if (word.n == 0) continue;
		any_word = true;
		if (!version_is_valid(word)) continue;
		any_version = true;
		if (version_is_canonical(word) && !pseudo_is(word) &&
		    modpath_major_fits(word, major))
			verlist_add(list, word, a);
	}
	if (any_word && !any_version)
		return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
			       "the upstream's version list of %.*s holds no version in any line",
			       SPAN_ARG(span_first(path, 160)));
	return MG_OK;
}

struct mg_span verlist_newest(struct mg_span body)
{
	struct mg_span newest = { 0 };
	int64_t newest_s = 0;
	while (body.p != NULL) {
		struct mg_span line = span_cut(&body, '\n');
		struct mg_span version = take_word(&line), time = take_word(&line);
		int64_t at;
		if (!version_is_valid(version)) continue;
		if (time.n > 0 ? !rfc3339_parse(time, &at) : !pseudo_time(version, &at)) continue;
		if (newest.n > 0 && at <= newest_s) continue;
		newest = version;
		newest_s = at;
	}
	return newest;
}

void verlist_sort(struct verlist *list)
{
	version_sort(list->v, list->n);
	size_t kept = 0;
	for (size_t i = 0; i < list->n; i++)
		if (kept == 0 || !span_eq(list->v[kept - 1], list->v[i]))
			list->v[kept++] = list->v[i];
	list->n = kept;
}

void verlist_print(const struct verlist *list, struct mg_buf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		buf_append(out, list->v[i]);
		buf_append_char(out, '\n');
	}
}

struct mg_span verlist_highest_compatible(const struct verlist *list)
{
	struct mg_span best = { 0 };
	for (size_t i = 0; i < list->n; i++)
		if (!version_is_incompatible(list->v[i]) && version_order(list->v[i], best) > 0)
			best = list->v[i];
	return best;
}

struct mg_span verlist_latest(const struct verlist *list, bool with_incompatible)
{
	if (verlist_highest_compatible(list).n == 0) with_incompatible = true;
	struct mg_span release = { 0 }, prerelease = { 0 };
	for (size_t i = 0; i < list->n; i++) {
		struct mg_span v = list->v[i];
		if (!with_incompatible && version_is_incompatible(v)) continue;
		struct mg_span *best = version_is_prerelease(v) ? &prerelease : &release;
		if (version_order(v, *best) > 0) *best = v;
	}
	return release.n > 0 ? release : prerelease;
}
