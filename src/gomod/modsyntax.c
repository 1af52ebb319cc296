/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modsyntax.h"

#include "base/check.h"
#include "gomod/modlex.h"

struct parser {
	struct modlex lex;
	struct modlex_token ahead;
	struct arena *arena;
	size_t nodes;
	struct modsyntax_stmt *first, **end;
	/* The comments that a comment behind a line goes to: those of the last element that stands on
	 * one line. Elements whose comments nobody reads are NULL. */
	struct modsyntax_comments *behind;
	struct mg_err *err;
};

static bool fail(struct parser *p, unsigned line, const char *why)
{
	err_set(p->err, MG_INVALID, MG_CAUSE_NONE, "go.mod:%u: %s", line, why);
	return false;
}

/* Takes the token ahead. A malformed one is reported when it comes into view. */
static bool advance(struct parser *p, struct modlex_token *out)
{
	if (out != NULL) *out = p->ahead;
	p->ahead = modlex_next(&p->lex);
	return p->ahead.kind != MODLEX_ERROR || fail(p, p->ahead.line, p->lex.fault);
}

static bool count_node(struct parser *p)
{
	return ++p->nodes <= MODSYNTAX_NODES_MAX || fail(p, p->ahead.line, "too many lines");
}

static bool add_comment(struct parser *p, struct modsyntax_comments *to, struct mg_span text)
{
	if (!count_node(p)) return false;
	struct modsyntax_comment *c = arena_alloc(p->arena, sizeof *c);
	c->text = text;
	if (to->last != NULL)
		to->last->next = c;
	else
		to->first = c;
	to->last = c;
	return true;
}

static bool is_mark(const struct modlex_token *t, char c)
{
	return t->kind == MODLEX_MARK && t->text.p[0] == c;
}

static void add_token(struct modsyntax_line *line, const struct modlex_token *t)
{
	if (line->n < MODSYNTAX_TOKENS) line->tokens[line->n] = t->text;
	line->n++;
}

/* Takes what ends a line; a comment there goes where p->behind says. */
static bool take_line_end(struct parser *p)
{
	struct modlex_token t;
	if (!advance(p, &t)) return false;
	if (t.kind != MODLEX_EOL_COMMENT || p->behind == NULL) return true;
	return add_comment(p, p->behind, t.text);
}

/* line is complete: a comment behind it is its own only if it stands on one line. */
static bool finish_line(struct parser *p, struct modsyntax_line *line, unsigned last_line)
{
	if (line->number == last_line) p->behind = &line->behind;
	return take_line_end(p);
}

/* entry = tok *tok EOL */
static bool parse_entry(struct parser *p, struct modsyntax_line *line)
{
	struct modlex_token t = p->ahead;
	line->number = t.line;
	while (!modlex_ends_line(p->ahead.kind)) {
		if (!advance(p, &t)) return false;
		add_token(line, &t);
	}
	return finish_line(p, line, t.last_line);
}

/* A blank line is kept as an empty comment, but not at the block's begin and not twice. */
static bool add_blank(struct parser *p, struct modsyntax_comments *comments, bool any_line)
{
	bool keep = comments->last != NULL ? comments->last->text.n > 0 : any_line;
	return !keep || add_comment(p, comments, (struct mg_span){ 0 });
}

/* block = "(" EOL *(newline / comment / entry) ")" EOL; stands behind "(". */
static bool parse_block(struct parser *p, struct modsyntax_stmt *stmt)
{
	struct modsyntax_comments above = { 0 };
	struct modsyntax_line **end = &stmt->lines;
	p->behind = NULL;
	for (;;) {
		struct modlex_token t = p->ahead;
		if (is_mark(&t, ')')) {
			if (!advance(p, NULL)) return false;
			if (!modlex_ends_line(p->ahead.kind))
				return fail(p, t.line,
					    "expected newline after closing parenthesis");
			p->behind = NULL;
			return take_line_end(p);
		}
		switch (t.kind) {
		case MODLEX_EOF:
			return fail(p, stmt->head.number, "the block that begins here has no end");
		case MODLEX_EOL_COMMENT:
			if (!advance(p, NULL)) return false;
			break;
		case MODLEX_NEWLINE:
			if (!advance(p, NULL) || !add_blank(p, &above, stmt->lines != NULL))
				return false;
			break;
		case MODLEX_COMMENT:
			if (!advance(p, NULL) || !add_comment(p, &above, t.text)) return false;
			break;
		default:
			if (!count_node(p)) return false;
			*end = arena_alloc(p->arena, sizeof **end);
			(*end)->above = above;
			above = (struct modsyntax_comments){ 0 };
			if (!parse_entry(p, *end)) return false;
			end = &(*end)->next;
		}
	}
}

/* stmt = line / block. "(" opens a block only as the last thing on its line. */
static bool parse_stmt(struct parser *p, struct modsyntax_stmt *stmt)
{
	struct modsyntax_line *head = &stmt->head;
	struct modlex_token t, close;
	head->number = p->ahead.line;
	if (!advance(p, &t)) return false;
	add_token(head, &t);
	unsigned last_line = t.last_line;
	while (!modlex_ends_line(p->ahead.kind)) {
		if (!advance(p, &t)) return false;
		if (!is_mark(&t, '(')) {
			add_token(head, &t);
			last_line = t.last_line;
			continue;
		}
		stmt->is_block = modlex_ends_line(p->ahead.kind);
		if (stmt->is_block) return parse_block(p, stmt);
		if (!is_mark(&p->ahead, ')')) {
			add_token(head, &t);
			continue;
		}
		if (!advance(p, &close)) return false;
		stmt->is_block = modlex_ends_line(p->ahead.kind);
		if (stmt->is_block) {
			p->behind = NULL;
			return take_line_end(p);
		}
		add_token(head, &t);
		add_token(head, &close);
	}
	return finish_line(p, head, last_line);
}

static bool parse_file(struct parser *p)
{
	struct modsyntax_comments above = { 0 };
	while (p->ahead.kind != MODLEX_EOF) {
		struct modlex_token t = p->ahead;
		if (t.kind == MODLEX_NEWLINE) {
			/* Comments above a blank line belong to nothing. */
			if (above.first != NULL) p->behind = NULL;
			above = (struct modsyntax_comments){ 0 };
			if (!advance(p, NULL)) return false;
		} else if (t.kind == MODLEX_COMMENT) {
			if (!advance(p, NULL) || !add_comment(p, &above, t.text)) return false;
		} else {
			if (!count_node(p)) return false;
			struct modsyntax_stmt *stmt = arena_alloc(p->arena, sizeof *stmt);
			*p->end = stmt;
			p->end = &stmt->next;
			stmt->head.above = above;
			above = (struct modsyntax_comments){ 0 };
			if (!parse_stmt(p, stmt)) return false;
		}
	}
	return true;
}

enum mg_code modsyntax_parse(struct mg_span file, struct arena *a, struct modsyntax_stmt **out,
			     struct mg_err *err)
{
	struct parser p = { .lex = MODLEX_INIT(file), .arena = a, .err = err };
	p.end = &p.first;
	if (!advance(&p, NULL) || !parse_file(&p)) return MG_INVALID;
	*out = p.first;
	return MG_OK;
}
