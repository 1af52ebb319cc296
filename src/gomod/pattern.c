/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/pattern.h"

#include "gomod/rune.h"

/* Go's path.Match:
 *   pattern = *term
 *   term = "*" / "?" / "[" ["^"] 1*range "]" / c / "\" c      range = c / c "-" c
 * c is a character; in a range none of "-" "]", except behind a backslash. */

/* One end of a range. False when malformed: nothing may end here, and a range needs its "]". */
static bool take_range_end(struct mg_span *p, uint32_t *out)
{
	if (p->n == 0 || p->p[0] == '-' || p->p[0] == ']') return false;
	if (p->p[0] == '\\') {
		*p = span_from(*p, 1);
		if (p->n == 0) return false;
	}
	struct mg_span before = *p;
	*out = rune_next(p);
	bool broken = *out == RUNE_ERROR && before.n - p->n == 1;
	return !broken && p->n > 0;
}

enum outcome {
	MATCHED,
	DIFFERS,
	MALFORMED
};

/* *p stands behind "[". */
static enum outcome match_class(struct mg_span *p, uint32_t r)
{
	bool negated = p->n > 0 && p->p[0] == '^';
	if (negated) *p = span_from(*p, 1);
	bool in = false;
	for (size_t ranges = 0;; ranges++) {
		if (p->n > 0 && p->p[0] == ']' && ranges > 0) break;
		uint32_t lo, hi;
		if (!take_range_end(p, &lo)) return MALFORMED;
		hi = lo;
		if (p->p[0] == '-') {
			*p = span_from(*p, 1);
			if (!take_range_end(p, &hi)) return MALFORMED;
		}
		in |= lo <= r && r <= hi;
	}
	*p = span_from(*p, 1);
	return in != negated ? MATCHED : DIFFERS;
}

/* Matches a run of terms without "*" at the front of *s; takes it off on MATCHED. */
static enum outcome match_chunk(struct mg_span chunk, struct mg_span *s)
{
	struct mg_span rest = *s;
	/* After a difference the walk goes on, for a malformed rest makes the whole glob malformed. */
	bool differs = false;
	while (chunk.n > 0) {
		differs |= rest.n == 0;
		char c = chunk.p[0];
		if (c == '[') {
			uint32_t r = differs ? 0 : rune_next(&rest);
			chunk = span_from(chunk, 1);
			enum outcome o = match_class(&chunk, r);
			if (o == MALFORMED) return MALFORMED;
			differs |= o == DIFFERS;
		} else if (c == '?') {
			differs = differs || rune_next(&rest) == '/';
			chunk = span_from(chunk, 1);
		} else {
			if (c == '\\') {
				chunk = span_from(chunk, 1);
				if (chunk.n == 0) return MALFORMED;
			}
			differs = differs || rest.p[0] != chunk.p[0];
			if (!differs) rest = span_from(rest, 1);
			chunk = span_from(chunk, 1);
		}
	}
	if (differs) return DIFFERS;
	*s = rest;
	return MATCHED;
}

/* Takes leading stars and the terms up to the next star off *pattern. */
static struct mg_span take_chunk(struct mg_span *pattern, bool *star)
{
	*star = false;
	while (pattern->n > 0 && pattern->p[0] == '*') {
		*pattern = span_from(*pattern, 1);
		*star = true;
	}
	bool in_class = false;
	size_t i = 0;
	for (; i < pattern->n; i++) {
		char c = pattern->p[i];
		if (c == '\\') {
			if (i + 1 < pattern->n) i++;
		} else if (c == '[') {
			in_class = true;
		} else if (c == ']') {
			in_class = false;
		} else if (c == '*' && !in_class) {
			break;
		}
	}
	struct mg_span chunk = span_first(*pattern, i);
	*pattern = span_from(*pattern, i);
	return chunk;
}

/* After "*": the chunk may begin at any place of s that no "/" stands before. */
static bool match_after_star(struct mg_span chunk, bool last, struct mg_span *s)
{
	for (size_t i = 0; i < s->n && s->p[i] != '/'; i++) {
		struct mg_span rest = span_from(*s, i + 1);
		enum outcome o = match_chunk(chunk, &rest);
		if (o == MALFORMED) return false;
		if (o == MATCHED && (!last || rest.n == 0)) {
			*s = rest;
			return true;
		}
	}
	return false;
}

static bool match_glob(struct mg_span pattern, struct mg_span s)
{
	while (pattern.n > 0) {
		bool star;
		struct mg_span chunk = take_chunk(&pattern, &star);
		if (star && chunk.n == 0) return span_index(s, '/') < 0;
		struct mg_span rest = s;
		if (match_chunk(chunk, &rest) == MATCHED && (rest.n == 0 || pattern.n > 0))
			s = rest;
		else if (!star || !match_after_star(chunk, pattern.n == 0, &s))
			return false;
	}
	return s.n == 0;
}

bool pattern_match(struct mg_span globs, struct mg_span path)
{
	while (globs.p != NULL) {
		struct mg_span glob = span_cut(&globs, ',');
		if (span_has_suffix(glob, SPAN("/"))) glob = span_first(glob, glob.n - 1);
		if (glob.n == 0) continue;
		size_t slashes = 0, n = 0;
		for (size_t i = 0; i < glob.n; i++)
			slashes += glob.p[i] == '/';
		/* As many elements of the path as the glob has. */
		for (; n < path.n; n++)
			if (path.p[n] == '/' && slashes-- == 0) break;
		bool enough = n < path.n || slashes == 0;
		if (enough && match_glob(glob, span_first(path, n))) return true;
	}
	return false;
}

static bool is_malformed(struct mg_span glob)
{
	while (glob.n > 0) {
		bool star;
		struct mg_span nothing = SPAN("");
		if (match_chunk(take_chunk(&glob, &star), &nothing) == MALFORMED) return true;
	}
	return false;
}

enum mg_code pattern_check(struct mg_span globs, struct mg_err *err)
{
	while (globs.p != NULL) {
		const struct mg_span glob = span_cut(&globs, ',');
		const char *why = NULL;
		if (span_find(glob, SPAN("://")) >= 0)
			why = "patterns are of module paths: leave out the scheme";
		else if (span_index(glob, ' ') >= 0 || span_index(glob, '\t') >= 0)
			why = "patterns are separated by commas, without white space";
		else if (is_malformed(glob))
			why = "a \"[\" that no \"]\" ends, an empty class, or a \"\\\" at the "
			      "end";
		if (why != NULL)
			return err_set(err, MG_INVALID, MG_CAUSE_NONE,
				       "\"%.*s\" would match nothing: %s", SPAN_ARG(glob), why);
	}
	return MG_OK;
}
