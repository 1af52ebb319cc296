/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/httpdate.h"

#include "base/clock.h"

static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const long_day_names[7] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
					       "Thursday", "Friday", "Saturday" };
static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static void put_digits(char *out, unsigned v, int n)
{
	while (n-- > 0) {
		out[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void httpdate_format(int64_t wall_s, char out[HTTPDATE_SIZE])
{
	static const struct clock_civil first = { .year = 0, .month = 1, .day = 1 };
	static const struct clock_civil end = { .year = 10000, .month = 1, .day = 1 };
	if (wall_s < clock_of_civil(&first)) wall_s = clock_of_civil(&first);
	if (wall_s >= clock_of_civil(&end)) wall_s = clock_of_civil(&end) - 1;
	struct clock_civil c = clock_civil(wall_s);
	memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", HTTPDATE_SIZE);
	memcpy(out, day_names[c.weekday], 3);
	put_digits(out + 5, c.day, 2);
	memcpy(out + 8, month_names[c.month - 1], 3);
	put_digits(out + 12, (unsigned)c.year, 4);
	put_digits(out + 17, c.hour, 2);
	put_digits(out + 20, c.minute, 2);
	put_digits(out + 23, c.second, 2);
}

/* Readers of parts: each takes its bytes off the front of *s, or returns false. */

static bool take(struct mg_span *s, struct mg_span literal)
{
	if (!span_has_prefix(*s, literal)) return false;
	*s = span_from(*s, literal.n);
	return true;
}

static bool take_digits(struct mg_span *s, size_t n, unsigned *out)
{
	if (s->n < n) return false;
	unsigned v = 0;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9') return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	*out = v;
	*s = span_from(*s, n);
	return true;
}

static bool take_year(struct mg_span *s, size_t digits, int64_t *out)
{
	unsigned year;
	if (!take_digits(s, digits, &year)) return false;
	*out = year;
	return true;
}

static bool take_month(struct mg_span *s, unsigned *out)
{
	for (unsigned i = 0; i < 12; i++)
		if (take(s, span_of(month_names[i]))) {
			*out = i + 1;
			return true;
		}
	return false;
}

static bool take_day_name(struct mg_span *s)
{
	for (int i = 0; i < 7; i++)
		if (take(s, span_of(day_names[i]))) return true;
	return false;
}

static bool take_long_day_name(struct mg_span *s)
{
	for (int i = 0; i < 7; i++)
		if (take(s, span_of(long_day_names[i]))) return true;
	return false;
}

/* time-of-day = 2DIGIT ":" 2DIGIT ":" 2DIGIT */
static bool take_time(struct mg_span *s, struct clock_civil *c)
{
	return take_digits(s, 2, &c->hour) && take(s, SPAN(":")) && take_digits(s, 2, &c->minute) &&
	       take(s, SPAN(":")) && take_digits(s, 2, &c->second);
}

/* IMF-fixdate = day-name "," SP 2DIGIT SP month SP 4DIGIT SP time-of-day SP "GMT" */
static bool parse_fixdate(struct mg_span s, struct clock_civil *c)
{
	return take_day_name(&s) && take(&s, SPAN(", ")) && take_digits(&s, 2, &c->day) &&
	       take(&s, SPAN(" ")) && take_month(&s, &c->month) && take(&s, SPAN(" ")) &&
	       take_year(&s, 4, &c->year) && take(&s, SPAN(" ")) && take_time(&s, c) &&
	       span_eq(s, SPAN(" GMT"));
}

/* A year of two digits that seems more than 50 years ahead is the last one that ended so. */
static int64_t whole_year(int64_t two_digits, int64_t now_wall_s)
{
	int64_t this_year = clock_civil(now_wall_s).year;
	int64_t year = this_year - this_year % 100 + two_digits;
	return year > this_year + 50 ? year - 100 : year;
}

/* rfc850-date = day-name-l "," SP 2DIGIT "-" month "-" 2DIGIT SP time-of-day SP "GMT" */
static bool parse_rfc850(struct mg_span s, int64_t now_wall_s, struct clock_civil *c)
{
	bool ok = take_long_day_name(&s) && take(&s, SPAN(", ")) && take_digits(&s, 2, &c->day) &&
		  take(&s, SPAN("-")) && take_month(&s, &c->month) && take(&s, SPAN("-")) &&
		  take_year(&s, 2, &c->year) && take(&s, SPAN(" ")) && take_time(&s, c) &&
		  span_eq(s, SPAN(" GMT"));
	if (ok) c->year = whole_year(c->year, now_wall_s);
	return ok;
}

/* asctime-date = day-name SP month SP ( 2DIGIT / SP 1DIGIT ) SP time-of-day SP 4DIGIT */
static bool parse_asctime(struct mg_span s, struct clock_civil *c)
{
	if (!take_day_name(&s) || !take(&s, SPAN(" ")) || !take_month(&s, &c->month) ||
	    !take(&s, SPAN(" ")))
		return false;
	if (!take_digits(&s, take(&s, SPAN(" ")) ? 1 : 2, &c->day)) return false;
	return take(&s, SPAN(" ")) && take_time(&s, c) && take(&s, SPAN(" ")) &&
	       take_year(&s, 4, &c->year) && s.n == 0;
}

static bool in_calendar(const struct clock_civil *c)
{
	static const unsigned days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
	unsigned most = days[c->month - 1] + (leap && c->month == 2);
	/* second 60 is a leap second: it is counted as the one after */
	return c->day >= 1 && c->day <= most && c->hour < 24 && c->minute < 60 && c->second <= 60;
}

/* HTTP-date = IMF-fixdate / rfc850-date / asctime-date (RFC 9110 §5.6.7), case-sensitive. Whether the
 * day's name is that of the date is not looked at: the date is said twice, and the number counts. */
bool httpdate_parse(struct mg_span s, int64_t now_wall_s, int64_t *out)
{
	struct clock_civil c = { 0 };
	if (!parse_fixdate(s, &c) && !parse_rfc850(s, now_wall_s, &c) && !parse_asctime(s, &c))
		return false;
	if (!in_calendar(&c)) return false;
	*out = clock_of_civil(&c);
	return true;
}
