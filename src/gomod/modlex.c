/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modlex.h"

#include "gomod/rune.h"
#include "gomod/unicode_print.h"

/* Is r part of words? What prints, is no space and no mark. */
static bool in_word(uint32_t r)
{
	if (r < 0x80) return r > ' ' && r < 0x7f && strchr("()[]{},", (int)r) == NULL;
	return unicode_print_has(r);
}

static struct modlex_token fail(struct modlex *lex, const char *fault)
{
	lex->fault = fault;
	lex->rest = span_from(lex->rest, lex->rest.n);
	return (struct modlex_token){ .kind = MODLEX_ERROR,
				      .line = lex->line,
				      .last_line = lex->line };
}

/* Takes n bytes as a token that does not end the line. */
static struct modlex_token take(struct modlex *lex, enum modlex_kind kind, size_t n)
{
	struct modlex_token token = {
		.kind = kind,
		.text = span_first(lex->rest, n),
		.line = lex->line,
	};
	for (size_t i = 0; i < n; i++)
		lex->line += token.text.p[i] == '\n';
	token.last_line = lex->line;
	lex->rest = span_from(lex->rest, n);
	lex->line_begun = true;
	return token;
}

/* comment = "//" *any LF */
static struct modlex_token take_comment(struct modlex *lex)
{
	enum modlex_kind kind = lex->line_begun ? MODLEX_EOL_COMMENT : MODLEX_COMMENT;
	ptrdiff_t newline = span_index(lex->rest, '\n');
	size_t n = newline < 0 ? lex->rest.n : (size_t)newline + 1;
	struct modlex_token token = take(lex, kind, n);
	if (newline >= 0) token.text.n--;
	if (newline >= 0 && span_has_suffix(token.text, SPAN("\r"))) token.text.n--;
	lex->line_begun = newline < 0;
	return token;
}

/* string = DQUOTE *(c / "\" any) DQUOTE / "`" *c "`"; c is no newline (behind "\" it may be one). */
static struct modlex_token take_string(struct modlex *lex)
{
	struct mg_span rest = lex->rest;
	char quote = rest.p[0];
	for (size_t i = 1; i < rest.n; i++) {
		if (rest.p[i] == quote) return take(lex, MODLEX_STRING, i + 1);
		if (rest.p[i] == '\n') return fail(lex, "newline in string");
		if (rest.p[i] == '\\' && quote == '"') i++;
	}
	return fail(lex, "the file ends in a string");
}

/* word = 1*in_word, ended by "//" too */
static struct modlex_token take_word(struct modlex *lex)
{
	struct mg_span rest = lex->rest;
	while (rest.n > 0 && !span_has_prefix(rest, SPAN("//"))) {
		struct mg_span after = rest;
		if (!in_word(rune_next(&after))) break;
		if (span_has_prefix(rest, SPAN("/*"))) return fail(lex, "/* */ is no comment here");
		rest = after;
	}
	size_t n = lex->rest.n - rest.n;
	return n > 0 ? take(lex, MODLEX_WORD, n) : fail(lex, "unexpected character");
}

struct modlex_token modlex_next(struct modlex *lex)
{
	while (lex->rest.n > 0 && strchr(" \t\r", lex->rest.p[0]) != NULL && lex->rest.p[0] != '\0')
		lex->rest = span_from(lex->rest, 1);
	if (lex->rest.n == 0) return take(lex, MODLEX_EOF, 0);
	if (span_has_prefix(lex->rest, SPAN("//"))) return take_comment(lex);
	if (span_has_prefix(lex->rest, SPAN("/*"))) return fail(lex, "/* */ is no comment here");
	char c = lex->rest.p[0];
	if (c == '\n') {
		struct modlex_token token = take(lex, MODLEX_NEWLINE, 1);
		lex->line_begun = false;
		return token;
	}
	if (c == '"' || c == '`') return take_string(lex);
	if (c != '\0' && strchr("()[]{},", c) != NULL) return take(lex, MODLEX_MARK, 1);
	return take_word(lex);
}
