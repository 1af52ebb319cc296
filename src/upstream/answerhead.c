/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/answerhead.h"

#include "wire/httpdate.h"

#define HEAD_MAX_BYTES    (64u << 10)
#define RETRY_AFTER_MAX_S (24u * 60 * 60)

static enum mg_code broken(struct mg_err *err, const char *what)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_HTTP, "broken answer: %s", what);
}

/* status-line = HTTP-version SP status-code SP [ reason-phrase ]   RFC 9112 §4
 * curl has parsed it already; this reads the code again from the same bytes. */
static enum mg_code status_line(struct answerhead *h, struct mg_span line, struct mg_err *err)
{
	ptrdiff_t space = span_index(line, ' ');
	uint64_t status;
	if (space < 0 ||
	    !span_u64(span_first(span_from(line, (size_t)space + 1), 3), 999, &status) ||
	    status < 100)
		return broken(err, "no status code");
	*h = (struct answerhead){ .status = (int)status, .bytes = h->bytes };
	return MG_OK;
}

/* Keeps a value that fits whole: half an ETag or half a Location would be another one. */
static void keep(char *out, size_t size, struct mg_span value)
{
	out[0] = '\0';
	if (value.n >= size || (value.n != 0 && memchr(value.p, '\0', value.n) != NULL)) return;
	if (value.n != 0) memcpy(out, value.p, value.n);
	out[value.n] = '\0';
}

/* Content-Length = 1*DIGIT, also as a list of equal values (RFC 9110 §8.6, RFC 9112 §6.3). */
static enum mg_code content_length(struct answerhead *h, struct mg_span value, struct mg_err *err)
{
	struct mg_span rest = value;
	while (rest.p != NULL) {
		struct mg_span one = span_trim(span_cut(&rest, ','));
		while (one.n > 1 && one.p[0] == '0')
			one = span_from(one, 1);
		uint64_t n;
		if (!span_u64(one, INT64_MAX, &n)) return broken(err, "malformed Content-Length");
		if (h->has_length && h->length != n)
			return broken(err, "two Content-Length values that differ");
		h->has_length = true;
		h->length = n;
	}
	return MG_OK;
}

/* Content-Range = "bytes" SP first "-" last "/" ( complete / "*" )   RFC 9110 §14.4 */
static void content_range(struct answerhead *h, struct mg_span value)
{
	struct mg_span rest = value;
	uint64_t first, last, size = UINT64_MAX;
	h->has_range = false;
	if (!span_eq_nocase(span_cut(&rest, ' '), SPAN("bytes")) || rest.p == NULL) return;
	const struct mg_span from = span_cut(&rest, '-');
	if (rest.p == NULL) return;
	const struct mg_span to = span_cut(&rest, '/');
	if (rest.p == NULL || !span_u64(from, INT64_MAX, &first) || !span_u64(to, INT64_MAX, &last))
		return;
	if (!span_eq(rest, SPAN("*")) && !span_u64(rest, INT64_MAX, &size)) return;
	if (last < first || last >= size) return;
	h->has_range = true;
	h->range_from = first;
	h->range_to = last;
	h->range_size = size;
}

/* Content-Encoding = #content-coding   RFC 9110 §8.4; one that cannot be kept is still one. */
static void content_encoding(struct answerhead *h, struct mg_span value)
{
	if (value.n == 0 || span_eq_nocase(value, SPAN("identity"))) return;
	keep(h->content_encoding, sizeof h->content_encoding, value);
	if (h->content_encoding[0] == '\0')
		keep(h->content_encoding, sizeof h->content_encoding, SPAN("something long"));
}

/* Retry-After = HTTP-date / delay-seconds   RFC 9110 §10.2.3 */
static void retry_after(struct answerhead *h, struct mg_span value, int64_t now_wall_s)
{
	uint64_t seconds = 0;
	int64_t when;
	if (!span_u64(value, UINT32_MAX, &seconds) && httpdate_parse(value, now_wall_s, &when) &&
	    when > now_wall_s)
		seconds = (uint64_t)(when - now_wall_s);
	h->retry_after_s = (uint32_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S);
}

static enum mg_code field(struct answerhead *h, struct mg_span name, struct mg_span value,
			  int64_t now_wall_s, struct mg_err *err)
{
	if (span_eq_nocase(name, SPAN("Content-Length"))) return content_length(h, value, err);
	if (span_eq_nocase(name, SPAN("Transfer-Encoding")))
		h->chunked = true;
	else if (span_eq_nocase(name, SPAN("Content-Range")))
		content_range(h, value);
	else if (span_eq_nocase(name, SPAN("Retry-After")))
		retry_after(h, value, now_wall_s);
	else if (span_eq_nocase(name, SPAN("ETag")))
		keep(h->etag, sizeof h->etag, value);
	else if (span_eq_nocase(name, SPAN("Location")))
		keep(h->location, sizeof h->location, value);
	else if (span_eq_nocase(name, SPAN("Content-Type")))
		keep(h->content_type, sizeof h->content_type, value);
	else if (span_eq_nocase(name, SPAN("Content-Encoding")))
		content_encoding(h, value);
	return MG_OK;
}

enum mg_code answerhead_line(struct answerhead *h, struct mg_span line, int64_t now_wall_s,
			     struct mg_err *err)
{
	h->bytes += line.n;
	if (h->bytes > HEAD_MAX_BYTES) return broken(err, "its head is over 64 KiB");
	if (span_has_prefix(line, SPAN("HTTP/"))) return status_line(h, line, err);
	if (h->complete || h->status == 0) return MG_OK;
	struct mg_span value = span_trim(line);
	if (value.n == 0) {
		h->complete = true;
		/* RFC 9112 §6.3: both at once is how answers are smuggled past one of two parsers. */
		if (h->chunked && h->has_length)
			return broken(err, "Content-Length beside Transfer-Encoding");
		return MG_OK;
	}
	struct mg_span name = span_cut(&value, ':');
	if (value.p == NULL) return MG_OK;
	return field(h, name, span_trim(value), now_wall_s, err);
}

bool answerhead_strong_etag(const struct answerhead *h)
{
	return h->etag[0] == '"';
}
