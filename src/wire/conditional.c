/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/conditional.h"

#include "wire/httpdate.h"
#include "wire/octet.h"

static struct mg_span skip_ows(struct mg_span s)
{
	size_t i = 0;
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	return span_from(s, i);
}

/* entity-tag = [ "W/" ] DQUOTE *( %x21 / %x23-7E / obs-text ) DQUOTE (RFC 9110 §8.8.3). Takes one off
 * the front of *s; *opaque is what stands from quote to quote. */
static bool take_tag(struct mg_span *s, struct mg_span *opaque)
{
	struct mg_span rest = span_has_prefix(*s, SPAN("W/")) ? span_from(*s, 2) : *s;
	if (rest.n == 0 || rest.p[0] != '"') return false;
	size_t i = 1;
	while (i < rest.n && (unsigned char)rest.p[i] > ' ' && rest.p[i] != 0x7f &&
	       rest.p[i] != '"')
		i++;
	if (i == rest.n || rest.p[i] != '"') return false;
	*opaque = span_first(rest, i + 1);
	*s = span_from(rest, i + 1);
	return true;
}

/* If-None-Match = "*" / #entity-tag (RFC 9110 §13.1.2), by weak comparison: W/ does not count
 * (§8.8.3.2). From a malformed member on the list says nothing. */
static bool none_match_names(struct mg_span list, struct mg_span etag)
{
	if (span_eq(list, SPAN("*"))) return true;
	for (;;) {
		list = skip_ows(list);
		if (list.n == 0) return false;
		if (list.p[0] != ',') {
			struct mg_span opaque;
			if (!take_tag(&list, &opaque)) return false;
			if (span_eq(opaque, etag)) return true;
			list = skip_ows(list);
			if (list.n == 0 || list.p[0] != ',') return false;
		}
		list = span_from(list, 1);
	}
}

/* If-Range = entity-tag / HTTP-date (RFC 9110 §13.1.5): the strong tag, or the exact date if it is
 * strong, which a date of this very second is not (§8.8.2.2). */
static bool if_range_holds(struct mg_span value, struct mg_span etag, int64_t last_modified,
			   int64_t now)
{
	if (etag.n > 0 && span_eq(value, etag)) return true;
	int64_t date;
	return last_modified >= 0 && last_modified < now && httpdate_parse(value, now, &date) &&
	       date == last_modified;
}

/* 1*DIGIT off the front of *s. A number too big for 64 bits is past every end, as the biggest one is. */
static bool take_number(struct mg_span *s, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < s->n && octet_is(s->p[i], OCTET_DIGIT); i++) {
		uint64_t digit = (uint64_t)(s->p[i] - '0');
		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
	}
	*s = span_from(*s, i);
	*out = v;
	return i > 0;
}

/* Range = "bytes" "=" range-spec; range-spec = first-pos "-" [ last-pos ] / "-" suffix-length
 * (RFC 9110 §14.1.1, §14.2). */
static enum conditional_verdict judge_range(struct mg_span value, uint64_t size, uint64_t *first,
					    uint64_t *last)
{
	struct mg_span unit = span_first(value, 6), s = skip_ows(span_from(value, 6));
	uint64_t from, to = UINT64_MAX;
	/* Of an empty file no byte can be named; clients that always send a Range want all of it. */
	if (size == 0 || !span_eq_nocase(unit, SPAN("bytes="))) return CONDITIONAL_FULL;
	bool suffix = !take_number(&s, &from);
	if (s.n == 0 || s.p[0] != '-') return CONDITIONAL_FULL;
	s = span_from(s, 1);
	bool bounded = take_number(&s, &to);
	if (s.n > 0 || (suffix && !bounded)) return CONDITIONAL_FULL;
	if (suffix) {
		if (to == 0) return CONDITIONAL_UNSATISFIABLE;
		*first = to < size ? size - to : 0;
		*last = size - 1;
		return CONDITIONAL_PARTIAL;
	}
	if (bounded && from > to) return CONDITIONAL_FULL;
	if (from >= size) return CONDITIONAL_UNSATISFIABLE;
	*first = from;
	*last = bounded && to < size ? to : size - 1;
	return CONDITIONAL_PARTIAL;
}

/* The order is RFC 9110 §13.2.2's. */
enum conditional_verdict conditional_judge(const struct head *h, struct mg_span etag,
					   int64_t last_modified, uint64_t size, int64_t now,
					   uint64_t *first, uint64_t *last)
{
	const struct mg_span *none_match = &h->field[HEAD_FIELD_IF_NONE_MATCH];
	const struct mg_span *since = &h->field[HEAD_FIELD_IF_MODIFIED_SINCE];
	const struct mg_span *range = &h->field[HEAD_FIELD_RANGE];
	const struct mg_span *if_range = &h->field[HEAD_FIELD_IF_RANGE];
	int64_t date;
	if (none_match->p != NULL) {
		if (none_match_names(*none_match, etag)) return CONDITIONAL_NOT_MODIFIED;
	} else if (since->p != NULL && last_modified >= 0) {
		if (httpdate_parse(*since, now, &date) && last_modified <= date)
			return CONDITIONAL_NOT_MODIFIED;
	}
	if (range->p == NULL || h->method != HEAD_GET) return CONDITIONAL_FULL;
	if (if_range->p != NULL && !if_range_holds(*if_range, etag, last_modified, now))
		return CONDITIONAL_FULL;
	return judge_range(*range, size, first, last);
}
