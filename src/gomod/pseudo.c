/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/pseudo.h"

#include "base/clock.h"
#include "gomod/version.h"

#define TIME_DIGITS 14

/* Is rest, what stands before the time, with the separator behind it, one of
 *   "v" num ".0.0-"                          no base
 *   "v" num "." num "." num "-" [pre "."] "0."   a base */
static bool valid_rest(const struct version *v, struct mg_span rest, char separator)
{
	if (v->numbers != 3) return false;
	size_t numbers = (size_t)(v->patch.p + v->patch.n - v->text.p);
	struct mg_span pre = span_from(rest, numbers);
	if (separator == '-')
		return pre.n == 0 && span_eq(v->minor, SPAN("0")) && span_eq(v->patch, SPAN("0"));
	return span_eq(pre, SPAN("-0")) || span_has_suffix(pre, SPAN(".0"));
}

bool pseudo_parse(struct mg_span version, struct pseudo *out)
{
	struct version v;
	if (!version_parse(version, &v)) return false;
	struct mg_span s = span_first(version, version.n - v.build.n);
	ptrdiff_t dash = span_last_index(s, '-');
	if (dash < TIME_DIGITS + 1) return false;
	struct mg_span rev = span_from(s, (size_t)dash + 1);
	size_t at = (size_t)dash - TIME_DIGITS;
	struct mg_span time = span_make(s.p + at, TIME_DIGITS);
	char separator = s.p[at - 1];
	if (rev.n == 0 || (separator != '-' && separator != '.')) return false;
	for (size_t i = 0; i < rev.n; i++)
		if (rev.p[i] == '.') return false;
	for (size_t i = 0; i < time.n; i++)
		if (time.p[i] < '0' || time.p[i] > '9') return false;
	struct mg_span rest = span_first(s, at - 1);
	if (!valid_rest(&v, rest, separator)) return false;
	*out = (struct pseudo){ .rest = rest, .time = time, .rev = rev, .build = v.build };
	return true;
}

bool pseudo_is(struct mg_span version)
{
	struct pseudo p;
	return pseudo_parse(version, &p);
}

static unsigned digits(struct mg_span s, size_t from, size_t n)
{
	unsigned v = 0;
	for (size_t i = from; i < from + n; i++)
		v = v * 10 + (unsigned)(s.p[i] - '0');
	return v;
}

bool pseudo_time(struct mg_span version, int64_t *unix_s_out)
{
	struct pseudo p;
	if (!pseudo_parse(version, &p)) return false;
	struct clock_civil c = {
		.year = digits(p.time, 0, 4),
		.month = digits(p.time, 4, 2),
		.day = digits(p.time, 6, 2),
		.hour = digits(p.time, 8, 2),
		.minute = digits(p.time, 10, 2),
		.second = digits(p.time, 12, 2),
	};
	if (c.month < 1 || c.month > 12 || c.day < 1 || c.hour > 23 || c.minute > 59 ||
	    c.second > 59)
		return false;
	int64_t at = clock_of_civil(&c);
	/* A day beyond the month's end has carried over. */
	if (clock_civil(at).day != c.day) return false;
	*unix_s_out = at;
	return true;
}

/* Appends the decimal number before s, which is not "0" and has no leading zero. */
static void append_decrement(struct mg_span s, struct mg_buf *out)
{
	size_t zeros = 0;
	while (s.p[s.n - 1 - zeros] == '0')
		zeros++;
	size_t last = s.n - 1 - zeros;
	buf_append(out, span_first(s, last));
	/* "100" becomes "99": the leading digit goes when it would be 0. */
	if (last > 0 || s.p[0] != '1' || s.n == 1) buf_append_char(out, (char)(s.p[last] - 1));
	while (zeros-- > 0)
		buf_append_char(out, '9');
}

static void append_increment(struct mg_span s, struct mg_buf *out)
{
	size_t nines = 0;
	while (nines < s.n && s.p[s.n - 1 - nines] == '9')
		nines++;
	if (nines == s.n) {
		buf_append_char(out, '1');
	} else {
		size_t last = s.n - 1 - nines;
		buf_append(out, span_first(s, last));
		buf_append_char(out, (char)(s.p[last] + 1));
	}
	while (nines-- > 0)
		buf_append_char(out, '0');
}

enum mg_code pseudo_base(struct mg_span version, struct mg_buf *out, struct mg_err *err)
{
	struct pseudo p;
	struct version rest;
	if (!pseudo_parse(version, &p) || !version_parse(p.rest, &rest))
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "%.*s is not a pseudo-version",
			       SPAN_ARG(span_first(version, 200)));
	if (rest.pre.n == 0) {
		if (p.build.n == 0) return MG_OK;
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "pseudo-version %.*s has build metadata but no base version",
			       SPAN_ARG(span_first(version, 200)));
	}
	if (!span_eq(rest.pre, SPAN("-0"))) {
		buf_append(out, span_first(p.rest, p.rest.n - 2));
		buf_append(out, p.build);
		return MG_OK;
	}
	if (span_eq(rest.patch, SPAN("0")))
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "the version before pseudo-version %.*s would have a negative patch",
			       SPAN_ARG(span_first(version, 200)));
	buf_append(out, span_first(p.rest, p.rest.n - rest.patch.n - 2));
	append_decrement(rest.patch, out);
	buf_append(out, p.build);
	return MG_OK;
}

void pseudo_build(struct mg_span major, struct mg_span base, int64_t unix_s, struct mg_span rev,
		  struct mg_buf *out)
{
	struct version v = { 0 };
	struct clock_civil c = clock_civil(unix_s);
	if (!version_parse(base, &v)) {
		buf_append(out, major.n > 0 ? major : SPAN("v0"));
		buf_append_str(out, ".0.0-");
	} else if (v.pre.n > 0) {
		buf_append(out, span_first(base, base.n - v.build.n));
		buf_append_str(out, ".0.");
	} else {
		buf_printf(out, "v%.*s.%.*s.", SPAN_ARG(v.major), SPAN_ARG(v.minor));
		append_increment(v.patch, out);
		buf_append_str(out, "-0.");
	}
	buf_printf(out, "%04u%02u%02u%02u%02u%02u-%.*s%.*s", (unsigned)c.year, c.month, c.day,
		   c.hour, c.minute, c.second, SPAN_ARG(rev), SPAN_ARG(v.build));
}
