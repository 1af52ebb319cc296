/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/rfc3339.h"

#include "base/clock.h"

/* n digits and the byte behind them (0: none), with a value of at most max. */
static bool take(struct mg_span *s, size_t n, char behind, unsigned max, unsigned *out)
{
	unsigned v = 0;
	size_t width = n + (behind != 0);
	if (s->n < width) return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9') return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	if ((behind != 0 && s->p[n] != behind) || v > max) return false;
	*s = span_from(*s, width);
	*out = v;
	return true;
}

static bool take_fraction(struct mg_span *s)
{
	if (s->n == 0 || s->p[0] != '.') return true;
	size_t n = 1;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	*s = span_from(*s, n);
	return n > 1;
}

static bool take_offset(struct mg_span *s, int64_t *seconds)
{
	*seconds = 0;
	if (s->n == 1 && s->p[0] == 'Z') {
		*s = span_from(*s, 1);
		return true;
	}
	if (s->n == 0 || (s->p[0] != '+' && s->p[0] != '-')) return false;
	bool west = s->p[0] == '-';
	unsigned hours, minutes;
	*s = span_from(*s, 1);
	if (!take(s, 2, ':', 23, &hours) || !take(s, 2, 0, 59, &minutes)) return false;
	*seconds = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

/* date-time = 4DIGIT "-" 2DIGIT "-" 2DIGIT "T" 2DIGIT ":" 2DIGIT ":" 2DIGIT ["." 1*DIGIT]
 *             ("Z" / ("+" / "-") 2DIGIT ":" 2DIGIT) */
bool rfc3339_parse(struct mg_span s, int64_t *unix_s_out)
{
	unsigned year;
	int64_t offset;
	struct clock_civil c = { 0 };
	if (!take(&s, 4, '-', 9999, &year) || !take(&s, 2, '-', 12, &c.month) ||
	    !take(&s, 2, 'T', 31, &c.day) || !take(&s, 2, ':', 23, &c.hour) ||
	    !take(&s, 2, ':', 59, &c.minute) || !take(&s, 2, 0, 59, &c.second) ||
	    !take_fraction(&s) || !take_offset(&s, &offset) || s.n > 0)
		return false;
	if (c.month == 0 || c.day == 0) return false;
	c.year = year;
	int64_t at = clock_of_civil(&c);
	/* A day beyond the month's end has carried over. */
	if (clock_civil(at).day != c.day) return false;
	*unix_s_out = at - offset;
	return true;
}
