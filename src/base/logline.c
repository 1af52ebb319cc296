/* SPDX-License-Identifier: Apache-2.0 */
#include "base/logline.h"

#include "base/clock.h"
#include "base/utf8.h"

/* Kept free while fields are added: the mark of truncation and the end of the line. */
#define TAIL_ROOM 32
#define CUT_MARK  "\xe2\x80\xa6"

/* Where bytes go: up to end, and failed when they do not fit. */
struct sink {
	struct logline *line;
	size_t end;
	bool failed;
};

static void put(struct sink *s, const char *p, size_t n)
{
	if (s->failed || n > s->end - s->line->n) {
		s->failed = true;
		return;
	}
	memcpy(s->line->text + s->line->n, p, n);
	s->line->n += n;
}

static void put_str(struct sink *s, const char *str)
{
	put(s, str, strlen(str));
}

static void put_int(struct sink *s, int64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (v < 0) digits[--at] = '-';
	put(s, digits + at, sizeof digits - at);
}

static void put_escape(struct sink *s, uint32_t point)
{
	static const char hex[] = "0123456789abcdef";
	switch (point) {
	case '\n':
		put_str(s, "\\n");
		return;
	case '\r':
		put_str(s, "\\r");
		return;
	case '\t':
		put_str(s, "\\t");
		return;
	}
	char code[6] = { '\\',
			 'u',
			 hex[point >> 12 & 15],
			 hex[point >> 8 & 15],
			 hex[point >> 4 & 15],
			 hex[point & 15] };
	put(s, code, sizeof code);
}

/* One character, escaped for between double quotes; the number of bytes read. */
static size_t put_char(struct sink *s, struct mg_span rest)
{
	uint32_t point;
	size_t len = utf8_decode(rest, &point);
	if (len == 0) {
		put_str(s, UTF8_REPLACEMENT);
		return 1;
	}
	if (point == '"' || point == '\\') {
		put(s, "\\", 1);
		put(s, rest.p, 1);
	} else if (utf8_is_control(point)) {
		put_escape(s, point);
	} else {
		put(s, rest.p, len);
	}
	return len;
}

/* userinfo "@" at the front of an authority: its length without the '@', or 0.
 * RFC 3986 §3.2: authority = [ userinfo "@" ] host [ ":" port ], ended by "/", "?", "#" or the end. */
static size_t userinfo_length(struct mg_span s)
{
	size_t at = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c == '/' || c == '?' || c == '#') break;
		if (c == '@') at = i;
	}
	return at;
}

static void put_quoted(struct sink *s, struct mg_span value)
{
	size_t limit = s->line->n + LOGLINE_VALUE_MAX;
	size_t secret_at = SIZE_MAX; /* where the next authority begins */
	ptrdiff_t scheme = span_find(value, SPAN("://"));
	if (scheme >= 0) secret_at = (size_t)scheme + 3;

	put(s, "\"", 1);
	size_t i = 0;
	while (i < value.n && !s->failed) {
		if (s->line->n > limit) {
			put_str(s, CUT_MARK);
			break;
		}
		if (i == secret_at) {
			size_t secret = userinfo_length(span_from(value, i));
			if (secret > 0) put_str(s, "***");
			i += secret;
			scheme = span_find(span_from(value, i), SPAN("://"));
			secret_at = scheme >= 0 ? i + (size_t)scheme + 3 : SIZE_MAX;
			if (secret > 0) continue;
		}
		i += put_char(s, span_from(value, i));
	}
	put(s, "\"", 1);
}

/* May the value stand without quotes in logfmt? URLs never do, so put_quoted sees every one. */
static bool is_plain(struct mg_span s)
{
	if (s.n > 256) return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
	}
	return s.n > 0 && span_find(s, SPAN("://")) < 0;
}

static void put_key(struct sink *s, enum log_format format, const char *key)
{
	if (format == LOG_FORMAT_JSON) {
		put_str(s, s->line->n == 0 ? "{\"" : ",\"");
		put_str(s, key);
		put_str(s, "\":");
	} else {
		if (s->line->n > 0) put(s, " ", 1);
		put_str(s, key);
		put(s, "=", 1);
	}
}

static void put_value(struct sink *s, enum log_format format, struct mg_span value)
{
	if (format == LOG_FORMAT_LOGFMT && is_plain(value))
		put(s, value.p, value.n);
	else
		put_quoted(s, value);
}

static void put_time(struct sink *s, enum log_format format, int64_t wall_ms)
{
	char text[sizeof "2026-11-23T09:15:00.000Z"];
	clock_rfc3339(wall_ms / 1000, text);
	unsigned ms = (unsigned)(wall_ms % 1000);
	memcpy(text + 19,
	       (char[]){ '.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
			 (char)('0' + ms % 10), 'Z' },
	       5);
	put_key(s, format, "time");
	put_value(s, format, span_make(text, 24));
}

static void put_field(struct sink *s, enum log_format format, const struct log_field *field)
{
	put_key(s, format, field->key);
	if (field->kind == LOG_INT)
		put_int(s, field->num);
	else
		put_value(s, format, field->str);
}

void logline_make(struct logline *line, enum log_format format, int64_t wall_ms, const char *role,
		  enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
	static const char *const levels[] = { "debug", "info", "warn", "error" };
	struct sink s = { .line = line, .end = sizeof line->text - TAIL_ROOM };
	line->n = 0;
	put_time(&s, format, wall_ms);
	put_field(&s, format, &LOG_S("level", levels[level]));
	put_field(&s, format, &LOG_S("role", role));
	put_field(&s, format, &LOG_S("msg", msg));
	for (size_t i = 0; i < n && !s.failed; i++) {
		size_t before = line->n;
		put_field(&s, format, &fields[i]);
		if (s.failed) line->n = before;
	}
	bool truncated = s.failed;
	s.failed = false;
	s.end = sizeof line->text;
	if (truncated) put_field(&s, format, &LOG_I("truncated", 1));
	put_str(&s, format == LOG_FORMAT_JSON ? "}\n" : "\n");
}
