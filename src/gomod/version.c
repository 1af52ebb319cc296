/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/version.h"

#include <stdlib.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_ident_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool all_digits(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i])) return false;
	return true;
}

/* num = "0" / %x31-39 *DIGIT */
static bool take_number(struct mg_span *rest, struct mg_span *out)
{
	size_t n = 0;
	while (n < rest->n && is_digit(rest->p[n]))
		n++;
	if (n == 0 || (n > 1 && rest->p[0] == '0')) return false;
	*out = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return true;
}

static bool take_char(struct mg_span *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c) return false;
	*rest = span_from(*rest, 1);
	return true;
}

/* ids = id *("." id); id = 1*(ALPHA / DIGIT / "-"). In a prerelease a numeric id has no leading 0. */
static bool valid_ids(struct mg_span ids, bool prerelease)
{
	while (ids.p != NULL) {
		struct mg_span id = span_cut(&ids, '.');
		if (id.n == 0) return false;
		for (size_t i = 0; i < id.n; i++)
			if (!is_ident_char(id.p[i])) return false;
		if (prerelease && id.n > 1 && id.p[0] == '0' && all_digits(id)) return false;
	}
	return true;
}

/* version = "v" num ["." num ["." num ["-" pre] ["+" build]]] */
bool version_parse(struct mg_span s, struct version *out)
{
	struct version v = { .text = s, .minor = SPAN("0"), .patch = SPAN("0") };
	struct mg_span rest = s;
	if (!take_char(&rest, 'v') || !take_number(&rest, &v.major)) return false;
	v.numbers = 1;
	if (rest.n > 0) {
		if (!take_char(&rest, '.') || !take_number(&rest, &v.minor)) return false;
		v.numbers = 2;
	}
	if (rest.n > 0) {
		if (!take_char(&rest, '.') || !take_number(&rest, &v.patch)) return false;
		v.numbers = 3;
	}
	ptrdiff_t plus = span_index(rest, '+');
	if (plus >= 0) {
		v.build = span_from(rest, (size_t)plus);
		rest = span_first(rest, (size_t)plus);
		if (!valid_ids(span_from(v.build, 1), false)) return false;
	}
	if (rest.n > 0) {
		v.pre = rest;
		if (!take_char(&rest, '-') || !valid_ids(rest, true)) return false;
	}
	*out = v;
	return true;
}

bool version_is_valid(struct mg_span s)
{
	struct version v;
	return version_parse(s, &v);
}

bool version_is_canonical(struct mg_span s)
{
	struct version v;
	return version_parse(s, &v) && v.numbers == 3 &&
	       (v.build.n == 0 || span_eq(v.build, SPAN("+incompatible")));
}

bool version_canonical(struct mg_span s, struct mg_buf *out)
{
	struct version v;
	if (!version_parse(s, &v)) return false;
	buf_append(out, span_first(s, s.n - v.build.n));
	for (unsigned i = v.numbers; i < 3; i++)
		buf_append_str(out, ".0");
	if (span_eq(v.build, SPAN("+incompatible"))) buf_append(out, v.build);
	return true;
}

struct mg_span version_major(struct mg_span s)
{
	struct version v;
	if (!version_parse(s, &v)) return (struct mg_span){ 0 };
	return span_first(s, 1 + v.major.n);
}

bool version_is_incompatible(struct mg_span s)
{
	struct version v;
	return version_parse(s, &v) && span_eq(v.build, SPAN("+incompatible"));
}

bool version_is_prerelease(struct mg_span s)
{
	struct version v;
	return version_parse(s, &v) && v.pre.n > 0;
}

static int compare_numbers(struct mg_span a, struct mg_span b)
{
	if (a.n != b.n) return a.n < b.n ? -1 : 1;
	return span_cmp(a, b);
}

/* semver.org §11.4; a and b with their "-". */
static int compare_prereleases(struct mg_span a, struct mg_span b)
{
	if (a.n == 0 || b.n == 0) return a.n == b.n ? 0 : a.n == 0 ? 1 : -1;
	a = span_from(a, 1);
	b = span_from(b, 1);
	while (a.p != NULL && b.p != NULL) {
		struct mg_span x = span_cut(&a, '.'), y = span_cut(&b, '.');
		if (span_eq(x, y)) continue;
		bool x_number = all_digits(x), y_number = all_digits(y);
		if (x_number != y_number) return x_number ? -1 : 1;
		return x_number ? compare_numbers(x, y) : span_cmp(x, y);
	}
	return a.p == NULL && b.p == NULL ? 0 : a.p == NULL ? -1 : 1;
}

int version_compare(struct mg_span a, struct mg_span b)
{
	struct version v, w;
	bool v_ok = version_parse(a, &v), w_ok = version_parse(b, &w);
	if (!v_ok || !w_ok) return (int)v_ok - (int)w_ok;
	int c = compare_numbers(v.major, w.major);
	if (c == 0) c = compare_numbers(v.minor, w.minor);
	if (c == 0) c = compare_numbers(v.patch, w.patch);
	return c != 0 ? c : compare_prereleases(v.pre, w.pre);
}

int version_order(struct mg_span a, struct mg_span b)
{
	int c = version_compare(a, b);
	return c != 0 ? c : span_cmp(a, b);
}

static int order_pointed_at(const void *a, const void *b)
{
	return version_order(*(const struct mg_span *)a, *(const struct mg_span *)b);
}

void version_sort(struct mg_span *list, size_t n)
{
	if (n > 1) qsort(list, n, sizeof *list, order_pointed_at);
}
