/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/head.h"

#include "wire/headfield.h"
#include "wire/octet.h"

/* What is left to read, and the verdict once there is one other than "go on". */
struct cursor {
	const char *p, *end;
	int status; /* of BAD */
	const char *reason;
};

enum step {
	STEP_ON,
	STEP_MORE, /* the bytes end here */
	STEP_BAD,
};

static enum step bad(struct cursor *c, int status, const char *reason)
{
	c->status = status;
	c->reason = reason;
	return STEP_BAD;
}

/* CRLF: a bare CR or LF is refused, for some parsers end a line there and others do not. */
static enum step read_crlf(struct cursor *c, const char *reason)
{
	if (c->p == c->end) return STEP_MORE;
	if (*c->p != '\r')
		return bad(c, 400, *c->p == '\n' ? "a line ends in LF without CR" : reason);
	if (c->end - c->p < 2) return STEP_MORE;
	if (c->p[1] != '\n') return bad(c, 400, "a CR stands without LF");
	c->p += 2;
	return STEP_ON;
}

enum head_method head_method_of(struct mg_span name)
{
	if (span_eq(name, SPAN("GET"))) return HEAD_GET;
	if (span_eq(name, SPAN("HEAD"))) return HEAD_HEAD;
	if (span_eq(name, SPAN("POST"))) return HEAD_POST;
	if (span_eq(name, SPAN("OPTIONS"))) return HEAD_OPTIONS;
	return HEAD_OTHER;
}

/* method = token, then SP (RFC 9112 §3.1) */
static enum step read_method(struct cursor *c, struct head *out)
{
	if (c->end - c->p >= 4 && memcmp(c->p, "GET ", 4) == 0) {
		out->method = HEAD_GET;
		out->method_name = span_make(c->p, 3);
		c->p += 4;
		return STEP_ON;
	}
	const char *start = c->p;
	while (c->p < c->end && octet_is(*c->p, OCTET_TCHAR))
		c->p++;
	if (c->p == c->end) return STEP_MORE;
	if (c->p == start || *c->p != ' ')
		return bad(c, 400, "the request does not begin with a method");
	out->method_name = span_make(start, (size_t)(c->p - start));
	out->method = head_method_of(out->method_name);
	c->p++;
	return STEP_ON;
}

/* absolute-form = ( "http" / "https" ) "://" authority path-abempty [ "?" query ] (RFC 9112 §3.2.2).
 * Leaves origin-form behind. */
static bool split_absolute(struct head *out)
{
	struct mg_span t = out->target;
	size_t scheme = span_eq_nocase(span_first(t, 7), SPAN("http://")) ? 7 : 8;
	if (scheme == 8 && !span_eq_nocase(span_first(t, 8), SPAN("https://"))) return false;
	struct mg_span rest = span_from(t, scheme);
	ptrdiff_t slash = span_index(rest, '/');
	struct mg_span host = slash < 0 ? rest : span_first(rest, (size_t)slash);
	if (!headfield_host_ok(host)) return false;
	out->field[HEAD_FIELD_HOST] = host;
	/* No path means "/": one stands right before the authority. */
	out->target = slash < 0 ? span_make(host.p - 1, 1) : span_from(rest, (size_t)slash);
	ptrdiff_t mark = span_index(out->target, '?');
	out->path = mark < 0 ? out->target : span_first(out->target, (size_t)mark);
	if (mark >= 0) out->query = span_from(out->target, (size_t)mark + 1);
	return true;
}

/* request-target = origin-form / absolute-form / authority-form / asterisk-form (RFC 9112 §3.2) */
static bool judge_target(struct head *out)
{
	if (out->target.p[0] == '/') return true;
	if (span_eq(out->target, SPAN("*"))) return out->method == HEAD_OPTIONS;
	return split_absolute(out);
}

static enum step read_target(struct cursor *c, struct head *out)
{
	const char *start = c->p, *p = start, *end = c->end;
	while (p < end && octet_is(*p, OCTET_PATH))
		p++;
	out->path = span_make(start, (size_t)(p - start));
	if (p < end && *p == '?') {
		const char *query = ++p;
		while (p < end && octet_is(*p, OCTET_TARGET))
			p++;
		out->query = span_make(query, (size_t)(p - query));
	}
	c->p = p;
	if (p - start > HEAD_MAX_TARGET)
		return bad(c, 414, "the request target is longer than 16 KiB");
	if (p == end) return STEP_MORE;
	if (*p != ' ' || p == start)
		return bad(c, 400,
			   "the request target is empty or has a byte that no URL may have");
	out->target = span_make(start, (size_t)(p - start));
	if (!judge_target(out))
		return bad(c, 400, "the request target is neither a path nor an http URL");
	c->p++;
	return STEP_ON;
}

/* HTTP-version = "HTTP" "/" DIGIT "." DIGIT (RFC 9112 §2.3) */
static enum step read_version(struct cursor *c, struct head *out)
{
	static const char form[8] = "HTTP/1.1";
	size_t n = c->end - c->p < 8 ? (size_t)(c->end - c->p) : sizeof form;
	if (n == sizeof form && memcmp(c->p, form, sizeof form) == 0) {
		out->minor = 1;
		c->p += sizeof form;
		return read_crlf(c, "bytes follow the version in the request line");
	}
	for (size_t i = 0; i < n; i++) {
		bool ok = i == 5 || i == 7 ? octet_is(c->p[i], OCTET_DIGIT) : c->p[i] == form[i];
		if (!ok) return bad(c, 400, "the request line does not end in an HTTP version");
	}
	if (n < sizeof form) return STEP_MORE;
	if (memcmp(c->p, "HTTP/1.0", sizeof form) != 0)
		return bad(c, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	c->p += sizeof form;
	return read_crlf(c, "bytes follow the version in the request line");
}

/* Of eight bytes, the first in the lowest bits, marks in their top bits those that are a control (HTAB
 * is one) or DEL. Bytes above the lowest marked one may be marked wrongly: subtraction borrows. */
static inline uint64_t mark_controls(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t del = x ^ (ones * 0x7f);
	uint64_t low = (x - ones * 0x20) & ~x;
	return (low | ((del - ones) & ~del)) & (ones * 0x80);
}

/* To the first byte that no field value may have. By words: the whole head takes a fifth less time. */
static const char *skip_value(const char *p, const char *end)
{
	uint64_t word;
	while (end - p >= (ptrdiff_t)sizeof word) {
		memcpy(&word, p, sizeof word);
		if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) word = __builtin_bswap64(word);
		uint64_t marks = mark_controls(word);
		if (marks == 0) {
			p += sizeof word; /* a jump can be predicted; one sum for both cases was slower */
			continue;
		}
		p += __builtin_ctzll(marks) / 8;
		if (*p != '\t') return p;
		p++;
	}
	while (p < end && octet_is(*p, OCTET_VALUE))
		p++;
	return p;
}

static bool is_ows(char c)
{
	return c == ' ' || c == '\t';
}

/* field-line = field-name ":" OWS field-value OWS CRLF (RFC 9112 §5). No obs-fold (§5.2), nothing
 * between name and colon (§5.1). */
static enum step read_field(struct cursor *c, struct mg_span *name, struct mg_span *value)
{
	const char *start = c->p, *p = start, *end = c->end;
	while (p < end && octet_is(*p, OCTET_TCHAR))
		p++;
	if (p == end) return STEP_MORE;
	if (*p != ':' || p == start)
		return bad(c, 400, "a header line has no proper name and colon");
	*name = span_make(start, (size_t)(p - start));
	p++;
	while (p < end && is_ows(*p))
		p++;
	start = p;
	p = skip_value(p, end);
	c->p = p;
	while (p > start && is_ows(p[-1]))
		p--;
	*value = span_make(start, (size_t)(p - start));
	return read_crlf(c, "a header value has a control byte");
}

static enum step read_fields(struct cursor *c, struct head *out)
{
	struct headfield_notes notes = { .host_from_target =
						 out->field[HEAD_FIELD_HOST].p != NULL };
	for (size_t count = 0;; count++) {
		if (c->p == c->end) return STEP_MORE;
		if (*c->p == '\r' || *c->p == '\n') break;
		if (count == HEAD_MAX_FIELDS)
			return bad(c, 431, "the request has more than 100 header lines");
		struct mg_span name, value;
		enum step step = read_field(c, &name, &value);
		if (step != STEP_ON) return step;
		c->reason = headfield_note(out, &notes, name, value, &c->status);
		if (c->reason != NULL) return STEP_BAD;
	}
	enum step step = read_crlf(c, "");
	if (step != STEP_ON) return step;
	c->reason = headfield_judge(out, &notes, &c->status);
	return c->reason != NULL ? STEP_BAD : STEP_ON;
}

/* HTTP-message = start-line CRLF *( field-line CRLF ) CRLF (RFC 9112 §2.1). One empty line before it
 * is skipped: old clients send one behind a body (§2.2). */
static enum step read_head(struct cursor *c, struct head *out)
{
	enum step step;
	if (c->p < c->end && *c->p == '\r' && (step = read_crlf(c, "")) != STEP_ON) return step;
	if (c->p == c->end) return STEP_MORE;
	if ((step = read_method(c, out)) != STEP_ON) return step;
	if ((step = read_target(c, out)) != STEP_ON) return step;
	if ((step = read_version(c, out)) != STEP_ON) return step;
	return read_fields(c, out);
}

/* Looks at the bytes from `from` on only: is there an empty line, or a line that ends wrongly? Either
 * is worth a parse from the start. */
static bool worth_parsing(struct mg_span s, size_t from)
{
	while (from < s.n) {
		const char *lf = memchr(s.p + from, '\n', s.n - from);
		if (lf == NULL) return false;
		size_t at = (size_t)(lf - s.p);
		if (at == 0 || s.p[at - 1] != '\r') return true;
		if (at >= 2 && s.p[at - 2] == '\n') return true;
		from = at + 1;
	}
	return false;
}

enum head_result head_parse(struct mg_span bytes, size_t *scanned, struct head *out, size_t *used,
			    int *status, const char **reason)
{
	struct mg_span s = span_first(bytes, HEAD_MAX_BYTES);
	bool full = s.n == HEAD_MAX_BYTES;
	if (*scanned > 0 && !full && !worth_parsing(s, *scanned)) {
		*scanned = s.n;
		return HEAD_MORE;
	}
	*out = (struct head){ 0 };
	struct cursor c = { .p = s.p, .end = s.p + s.n };
	enum step step = read_head(&c, out);
	if (step == STEP_MORE && full)
		step = bad(&c, 431, "the request's head is longer than 32 KiB");
	if (step == STEP_MORE) {
		*scanned = s.n;
		return HEAD_MORE;
	}
	*scanned = 0;
	if (step == STEP_ON) {
		*used = (size_t)(c.p - s.p);
		return HEAD_DONE;
	}
	*status = c.status;
	*reason = c.reason;
	return HEAD_BAD;
}
