/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/xmlscan.h"

#include "base/check.h"
#include "gomod/rune.h"
#include "gomod/unicode_xml.h"

void xmlscan_init(struct xmlscan *s, struct mg_span page, xmlscan_attribute_fn *attribute,
		  void *arg)
{
	/* What is decoded is never longer than what it was decoded from. */
	*s = (struct xmlscan){
		.page = page, .text = BUF_MAX(page.n + 1), .attribute = attribute, .arg = arg
	};
}

void xmlscan_deinit(struct xmlscan *s)
{
	MG_ASSERT(!buf_failed(&s->text));
	buf_deinit(&s->text);
}

size_t xmlscan_line(const struct xmlscan *s)
{
	size_t line = 1;
	for (size_t i = 0; i < s->at; i++)
		line += s->page.p[i] == '\n';
	return line;
}

static int next(struct xmlscan *s)
{
	if (s->at < s->page.n) return (unsigned char)s->page.p[s->at++];
	s->ran_out = true;
	return -1;
}

static bool fail(struct xmlscan *s, const char *why)
{
	if (s->why == NULL) s->why = why;
	return false;
}

/* The next byte, which must be there. */
static bool must(struct xmlscan *s, int *c)
{
	*c = next(s);
	return *c >= 0 || fail(s, "it ends too early");
}

static void skip_space(struct xmlscan *s)
{
	int c;
	do
		c = next(s);
	while (c == ' ' || c == '\r' || c == '\n' || c == '\t');
	if (c >= 0) s->at--;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_byte(int c)
{
	return c >= 0x80 || is_alnum(c) || c == '_' || c == ':' || c == '.' || c == '-';
}

/* Bytes of a name, whose characters are still to be judged. Empty: none is here. */
static bool take_name_bytes(struct xmlscan *s, struct mg_span *out)
{
	size_t from = s->at;
	int c;
	do {
		if (!must(s, &c)) return false;
	} while (is_name_byte(c));
	s->at--;
	*out = span_make(s->page.p + from, s->at - from);
	return true;
}

/* XML 1.0 (fourth edition) [5] Name. */
static bool is_name(struct mg_span s)
{
	if (!rune_valid(s)) return false;
	for (bool first = true; s.n > 0; first = false) {
		uint32_t r = rune_next(&s);
		bool starts = r < 0x80 ? is_alnum((int)r) ? !is_digit((int)r) : r == '_' || r == ':'
				       : unicode_xml_starts(r);
		if (!starts && (first || !(r < 0x80 || unicode_xml_continues(r)))) return false;
	}
	return true;
}

static bool take_name(struct xmlscan *s, struct mg_span *out, const char *missing)
{
	if (!take_name_bytes(s, out)) return false;
	if (out->n == 0) return fail(s, missing);
	return is_name(*out) || fail(s, "a name has characters that no name has");
}

/* A name without what stands before its colon. */
static bool take_local_name(struct xmlscan *s, struct mg_span *out, const char *missing)
{
	if (!take_name(s, out, missing)) return false;
	ptrdiff_t colon = span_index(*out, ':');
	if (colon < 0) return true;
	struct mg_span local = span_from(*out, (size_t)colon + 1);
	if (span_index(local, ':') >= 0) return fail(s, missing);
	if (colon > 0 && local.n > 0) *out = local;
	return true;
}

static bool is_xml_char(uint32_t r)
{
	return r == '\t' || r == '\n' || r == '\r' || (r >= 0x20 && r <= 0xd7ff) ||
	       (r >= 0xe000 && r <= 0xfffd) || (r >= 0x10000 && r <= RUNE_MAX);
}

static bool is_text(struct xmlscan *s, struct mg_span text)
{
	if (!rune_valid(text)) return fail(s, "its text is not UTF-8");
	while (text.n > 0)
		if (!is_xml_char(rune_next(&text)))
			return fail(s, "its text has control characters");
	return true;
}

static unsigned digit_value(int c)
{
	return (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Behind "&#". *n stays above RUNE_MAX when it is no number of a character. */
static bool take_number(struct xmlscan *s, uint32_t *n)
{
	int c;
	unsigned base = 10;
	uint32_t value = 0;
	bool any = false;
	if (!must(s, &c)) return false;
	if (c == 'x') {
		base = 16;
		if (!must(s, &c)) return false;
	}
	while (is_digit(c) || (base == 16 && ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))) {
		if (value <= RUNE_MAX) value = value * base + digit_value(c);
		any = true;
		if (!must(s, &c)) return false;
	}
	if (c != ';')
		s->at--;
	else if (any)
		*n = value;
	return true;
}

/* Behind "&": a reference is replaced by its character; what is none stays as it stands. */
static bool take_reference(struct xmlscan *s)
{
	static const struct {
		struct mg_span name;
		uint32_t character;
	} known[] = {
		{ { "lt", 2 }, '<' },    { { "gt", 2 }, '>' },   { { "amp", 3 }, '&' },
		{ { "apos", 4 }, '\'' }, { { "quot", 4 }, '"' },
	};
	size_t from = s->at - 1;
	uint32_t character = UINT32_MAX;
	struct mg_span name;
	int c;
	if (!must(s, &c)) return false;
	if (c == '#') {
		if (!take_number(s, &character)) return false;
	} else {
		s->at--;
		if (!take_name_bytes(s, &name) || !must(s, &c)) return false;
		for (size_t i = 0; c == ';' && i < sizeof known / sizeof known[0]; i++)
			if (span_eq(name, known[i].name)) character = known[i].character;
		if (c != ';') s->at--;
	}
	if (character <= RUNE_MAX)
		rune_append(character, &s->text);
	else
		buf_append(&s->text, span_make(s->page.p + from, s->at - from));
	return true;
}

enum until {
	UNTIL_TAG,
	UNTIL_QUOTE,
	UNTIL_CDATA_END,
};

/* Text into s->text. Its end is taken, but for the "<" of a tag. */
static bool take_text(struct xmlscan *s, enum until until, int quote)
{
	int before = 0, last = 0;
	size_t cut = 0;
	buf_clear(&s->text);
	for (int c; (c = next(s)) >= 0;) {
		if (until != UNTIL_QUOTE && before == ']' && last == ']' && c == '>') {
			if (until == UNTIL_TAG) return fail(s, "\"]]>\" stands in its text");
			cut = 2;
			break;
		}
		if (c == '<' && until == UNTIL_QUOTE) return fail(s, "\"<\" stands in quotes");
		if (c == '<' && until == UNTIL_TAG) {
			s->at--;
			break;
		}
		if (c == quote && until == UNTIL_QUOTE) break;
		if (c == '&' && until != UNTIL_CDATA_END) {
			if (!take_reference(s)) return false;
			before = last = 0;
			continue;
		}
		if (c == '\r')
			buf_append_char(&s->text, '\n');
		else if (c != '\n' || last != '\r')
			buf_append_char(&s->text, (char)c);
		before = last;
		last = c;
	}
	if (s->ran_out && until == UNTIL_CDATA_END) return fail(s, "it ends too early");
	return is_text(s, span_first(buf_span(&s->text), s->text.n - cut));
}

static bool skip_comment(struct xmlscan *s)
{
	int before = 0, last = 0;
	for (int c;;) {
		if (!must(s, &c)) return false;
		if (before == '-' && last == '-')
			return c == '>' || fail(s, "\"--\" stands in a comment");
		before = last;
		last = c;
	}
}

static bool skip_cdata(struct xmlscan *s)
{
	for (const char *want = "CDATA["; *want != '\0'; want++) {
		int c;
		if (!must(s, &c)) return false;
		if (c != *want) return fail(s, "\"<![\" begins no CDATA");
	}
	return take_text(s, UNTIL_CDATA_END, 0);
}

/* A comment within a declaration, behind its "<!--": "--" may stand in it. */
static bool skip_inner_comment(struct xmlscan *s)
{
	int before = 0, last = 0;
	for (int c;;) {
		if (!must(s, &c)) return false;
		if (before == '-' && last == '-' && c == '>') return true;
		before = last;
		last = c;
	}
}

/* Behind "<" within a declaration: true with *c < 0 behind a comment, else *c is what to go on with. */
static bool skip_if_comment(struct xmlscan *s, int *c)
{
	for (const char *want = "!--"; *want != '\0'; want++) {
		if (!must(s, c)) return false;
		if (*c != *want) return true;
	}
	*c = -1;
	return skip_inner_comment(s);
}

/* Behind "<!" and one byte: to the ">" that has no "<" and stands in no quotes. */
static bool skip_declaration(struct xmlscan *s)
{
	int c, quote = 0;
	for (size_t depth = 0;;) {
		if (!must(s, &c)) return false;
		if (quote == 0 && c == '>' && depth == 0) return true;
		while (quote == 0 && c == '<') {
			if (!skip_if_comment(s, &c)) return false;
			if (c >= 0) depth++;
		}
		if (c == quote)
			quote = 0;
		else if (quote == 0 && (c == '\'' || c == '"'))
			quote = c;
		else if (quote == 0 && c == '>')
			depth--;
	}
}

static bool take_bang(struct xmlscan *s)
{
	int c;
	if (!must(s, &c)) return false;
	if (c == '[') return skip_cdata(s);
	if (c != '-') return skip_declaration(s);
	if (!must(s, &c)) return false;
	return c == '-' ? skip_comment(s) : fail(s, "\"<!-\" begins no comment");
}

/* name="value" in an XML declaration; empty when there is none. */
static struct mg_span pseudo_attribute(struct mg_span text, struct mg_span name_and_equals)
{
	for (;;) {
		ptrdiff_t at = span_find(text, name_and_equals);
		if (at < 0) return SPAN("");
		text = span_from(text, (size_t)at + name_and_equals.n);
		if (text.n == 0) return SPAN("");
		char quote = text.p[0];
		text = span_from(text, 1);
		if (quote != '\'' && quote != '"') continue;
		struct mg_span value = span_cut(&text, quote);
		return text.p != NULL ? value : SPAN("");
	}
}

static bool take_instruction(struct xmlscan *s)
{
	struct mg_span target;
	int c, last = 0;
	if (!take_name(s, &target, "\"<?\" has no name behind it")) return false;
	skip_space(s);
	for (size_t from = s->at;;) {
		if (!must(s, &c)) return false;
		if (last == '?' && c == '>') {
			if (!span_eq(target, SPAN("xml"))) return true;
			struct mg_span text = span_make(s->page.p + from, s->at - 2 - from);
			struct mg_span version = pseudo_attribute(text, SPAN("version="));
			struct mg_span charset = pseudo_attribute(text, SPAN("encoding="));
			if (version.n > 0 && !span_eq(version, SPAN("1.0")))
				return fail(s, "it is of another version of XML than 1.0");
			if (charset.n > 0 && !span_eq_nocase(charset, SPAN("utf-8")) &&
			    !span_eq_nocase(charset, SPAN("ascii")))
				return fail(s, "its character set is neither UTF-8 nor ASCII");
			return true;
		}
		last = c;
	}
}

/* The value of an attribute into s->text. */
static bool take_value(struct xmlscan *s)
{
	int c;
	if (!must(s, &c)) return false;
	if (c == '"' || c == '\'') return take_text(s, UNTIL_QUOTE, c);
	buf_clear(&s->text);
	while (is_alnum(c) || c == '_' || c == ':' || c == '-') {
		buf_append_char(&s->text, (char)c);
		if (!must(s, &c)) return false;
	}
	s->at--;
	return true;
}

static bool take_attribute(struct xmlscan *s)
{
	struct mg_span name, value;
	int c;
	if (!take_local_name(s, &name, "a tag has no attribute name where one should be"))
		return false;
	skip_space(s);
	if (!must(s, &c)) return false;
	if (c == '=') {
		skip_space(s);
		if (!take_value(s)) return false;
		value = buf_span(&s->text);
	} else {
		s->at--;
		value = name;
	}
	s->attribute(s->arg, name, value);
	return true;
}

static bool take_start(struct xmlscan *s, struct xmlscan_token *out)
{
	int c;
	if (!take_local_name(s, &out->name, "\"<\" has no name behind it")) return false;
	for (out->kind = XMLSCAN_START;;) {
		skip_space(s);
		if (!must(s, &c)) return false;
		if (c == '>') return true;
		if (c == '/') {
			out->kind = XMLSCAN_EMPTY;
			return must(s, &c) && (c == '>' || fail(s, "a tag has a \"/\" in it"));
		}
		s->at--;
		if (!take_attribute(s)) return false;
	}
}

static bool take_end(struct xmlscan *s, struct xmlscan_token *out)
{
	int c;
	if (!take_local_name(s, &out->name, "\"</\" has no name behind it")) return false;
	out->kind = XMLSCAN_END;
	skip_space(s);
	return must(s, &c) && (c == '>' || fail(s, "the end of an element has attributes"));
}

static bool take_tag(struct xmlscan *s, struct xmlscan_token *out)
{
	int c;
	if (!must(s, &c)) return false;
	switch (c) {
	case '/':
		return take_end(s, out);
	case '?':
		return take_instruction(s);
	case '!':
		return take_bang(s);
	default:
		s->at--;
		return take_start(s, out);
	}
}

/* page = *( text / tag / comment / CDATA / instruction / declaration ); nesting is not looked at. */
bool xmlscan_next(struct xmlscan *s, struct xmlscan_token *out)
{
	int c;
	*out = (struct xmlscan_token){ .kind = XMLSCAN_OTHER, .name = SPAN("") };
	if (s->why != NULL || (c = next(s)) < 0) return false;
	if (c == '<') return take_tag(s, out);
	s->at--;
	return take_text(s, UNTIL_TAG, 0);
}
