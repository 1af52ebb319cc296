/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modfile.h"

#include "gomod/goquote.h"
#include "gomod/modpath.h"
#include "gomod/modsyntax.h"
#include "gomod/rune.h"
#include "gomod/version.h"

/* One directive while it is read: "verb args", on a line or in a block of that verb. */
struct directive {
	struct mg_span verb;
	const struct mg_span *args; /* those that are kept */
	size_t n;
	const struct modsyntax_line *line;
	const struct modsyntax_stmt *block; /* or NULL */
};

struct reader {
	struct arena *arena;
	struct modfile *file;
	enum modfile_mode mode;
	bool has_module;
	/* The text of the comments above this block, which may be large and is wanted line by line. */
	const struct modsyntax_stmt *commented;
	struct mg_span block_text;
};

/* A function that reads a directive returns what is wrong with it, or NULL. */
typedef const char *read_fn(struct reader *r, const struct directive *d);

/* Room for one more of n items, whose array doubles when n is a power of two. */
static void *grow(struct arena *a, void *items, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0) return items;
	void *to = arena_alloc(a, (n == 0 ? 1 : 2 * n) * size);
	if (n > 0) memcpy(to, items, n * size);
	return to;
}

/* value = word without quotes / string in double quotes. Lives in the arena. */
static bool read_string(struct arena *a, struct mg_span token, struct mg_span *out)
{
	if (!span_has_prefix(token, SPAN("\""))) {
		for (size_t i = 0; i < token.n; i++)
			if (token.p[i] == '"' || token.p[i] == '\'' || token.p[i] == '`')
				return false;
		*out = arena_dup(a, token);
		return true;
	}
	struct mg_buf value = BUF_MAX(3 * token.n);
	bool ok = goquote_unquote(token, &value);
	if (ok) *out = arena_dup(a, buf_span(&value));
	buf_deinit(&value);
	return ok;
}

static bool read_version(struct arena *a, struct mg_span token, struct mg_span *out)
{
	struct mg_span s;
	if (!read_string(a, token, &s)) return false;
	struct mg_buf canonical = BUF_MAX(s.n + 8);
	bool ok = version_canonical(s, &canonical);
	if (ok) *out = arena_dup(a, buf_span(&canonical));
	buf_deinit(&canonical);
	return ok;
}

/* The comments above and behind a line without "//" and outer space, joined by LF. */
static struct mg_span join_comments(struct arena *a, const struct modsyntax_line *line)
{
	const struct modsyntax_comment *groups[] = { line->above.first, line->behind.first };
	struct mg_buf text = BUF_MAX(2 * MODFILE_MAX);
	bool any = false;
	for (size_t i = 0; i < 2; i++)
		for (const struct modsyntax_comment *c = groups[i]; c != NULL; c = c->next) {
			if (c->text.n == 0) continue;
			if (any) buf_append_char(&text, '\n');
			any = true;
			buf_append(&text, rune_trim_space(span_from(c->text, 2)));
		}
	struct mg_span out = arena_dup(a, buf_span(&text));
	buf_deinit(&text);
	return out;
}

/* The comments of a directive: in a block, those above the block if the line has none of its own. */
static struct mg_span comment_text(struct reader *r, const struct directive *d)
{
	const struct modsyntax_line *line = d->line;
	if (d->block == NULL || line->above.first != NULL || line->behind.first != NULL)
		return join_comments(r->arena, line);
	if (r->commented != d->block) {
		r->commented = d->block;
		r->block_text = join_comments(r->arena, &d->block->head);
	}
	return r->block_text;
}

/* The rest of the first paragraph that begins so. */
static struct mg_span deprecation(struct mg_span text)
{
	struct mg_span mark = SPAN("Deprecated:"), inner = SPAN("\n\nDeprecated:");
	size_t from = mark.n;
	if (!span_has_prefix(text, mark)) {
		ptrdiff_t at = span_find(text, inner);
		if (at < 0) return (struct mg_span){ 0 };
		from = (size_t)at + inner.n;
	}
	text = span_from(text, from);
	while (span_has_prefix(text, SPAN(" ")))
		text = span_from(text, 1);
	ptrdiff_t end = span_find(text, SPAN("\n\n"));
	return end < 0 ? text : span_first(text, (size_t)end);
}

static const char *read_module(struct reader *r, const struct directive *d)
{
	if (r->has_module) return "repeated module statement";
	r->has_module = true;
	r->file->deprecated = deprecation(comment_text(r, d));
	if (d->n != 1) return "usage: module module/path";
	return read_string(r->arena, d->args[0], &r->file->path) ? NULL : "malformed string";
}

static bool take_digits(struct mg_span *s, bool zero_allowed)
{
	size_t n = 0;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 0 || (s->p[0] == '0' && (n > 1 || !zero_allowed))) return false;
	*s = span_from(*s, n);
	return true;
}

static bool take_char(struct mg_span *s, char c)
{
	if (s->n == 0 || s->p[0] != c) return false;
	*s = span_from(*s, 1);
	return true;
}

/* go-version = num "." num0 ["." num0] [1*%x61-7A 1*DIGIT] */
static bool is_go_version(struct mg_span s)
{
	if (!take_digits(&s, false) || !take_char(&s, '.') || !take_digits(&s, true)) return false;
	if (take_char(&s, '.') && !take_digits(&s, true)) return false;
	size_t letters = 0;
	while (letters < s.n && s.p[letters] >= 'a' && s.p[letters] <= 'z')
		letters++;
	for (size_t i = letters; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9') return false;
	return s.n == 0 || (letters > 0 && letters < s.n);
}

/* In a dependency, ["v"] num "." num0 and anything that is no digit behind it counts as num "." num0. */
static bool lax_go_version(struct mg_span s, struct mg_span *out)
{
	take_char(&s, 'v');
	struct mg_span rest = s;
	if (!take_digits(&rest, false) || !take_char(&rest, '.') || !take_digits(&rest, true))
		return false;
	if (rest.n == 0 || span_index(span_from(rest, 1), '\n') >= 0) return false;
	*out = span_first(s, s.n - rest.n);
	return true;
}

static const char *read_go(struct reader *r, const struct directive *d)
{
	if (r->file->go.n > 0) return "repeated go statement";
	if (d->n != 1) return "go directive expects exactly one argument";
	struct mg_span v = d->args[0];
	if (!is_go_version(v) && (r->mode == MODFILE_STRICT || !lax_go_version(v, &v)))
		return "invalid go version: must match format 1.23.0";
	r->file->go = arena_dup(r->arena, v);
	return NULL;
}

static const char *read_toolchain(struct reader *r, const struct directive *d)
{
	if (r->file->toolchain.n > 0) return "repeated toolchain statement";
	if (d->n != 1) return "toolchain directive expects exactly one argument";
	struct mg_span name = d->args[0];
	if (!span_eq(name, SPAN("default")) && !span_eq(name, SPAN("go1")) &&
	    !span_has_prefix(name, SPAN("go1.")))
		return "invalid toolchain version: must match format go1.23.0 or default";
	r->file->toolchain = arena_dup(r->arena, name);
	return NULL;
}

static const char *version_fault(struct modfile_module m)
{
	struct mg_span prefix, major;
	if (!modpath_split(m.path, &prefix, &major)) return "invalid module path";
	if (m.version.n > 0 && !modpath_major_fits(m.version, major))
		return "the version's major does not fit the module path";
	return NULL;
}

static const char *read_module_version(struct reader *r, const struct directive *d,
				       struct modfile_module *out)
{
	if (d->n != 2) return "expected module/path v1.2.3";
	if (!read_string(r->arena, d->args[0], &out->path)) return "malformed string";
	if (!read_version(r->arena, d->args[1], &out->version))
		return "version must be of the form v1.2.3";
	return version_fault(*out);
}

/* The comment behind the line is "// indirect", or begins with "// indirect;". */
static bool is_indirect(const struct modsyntax_line *line)
{
	if (line->behind.first == NULL) return false;
	struct mg_span text = rune_trim_space(span_from(line->behind.first->text, 2));
	if (span_eq(text, SPAN("indirect"))) return true;
	if (!span_has_prefix(text, SPAN("indirect;"))) return false;
	struct mg_span rest = span_from(text, strlen("indirect;"));
	return rest.n > 0 && rune_is_space(rune_next(&rest));
}

static const char *read_require(struct reader *r, const struct directive *d)
{
	struct modfile *f = r->file;
	struct modfile_require require = { .indirect = is_indirect(d->line) };
	const char *fault = read_module_version(r, d, &require.module);
	if (fault != NULL) return fault;
	f->require = grow(r->arena, f->require, f->requires, sizeof require);
	f->require[f->requires ++] = require;
	return NULL;
}

static const char *read_exclude(struct reader *r, const struct directive *d)
{
	struct modfile *f = r->file;
	struct modfile_module exclude;
	const char *fault = read_module_version(r, d, &exclude);
	if (fault != NULL) return fault;
	f->exclude = grow(r->arena, f->exclude, f->excludes, sizeof exclude);
	f->exclude[f->excludes++] = exclude;
	return NULL;
}

/* As on the go command line, and on any system: rooted, or beginning with a dot element. */
static bool is_directory(struct mg_span s)
{
	static const char *const starts[] = { "./", ".\\", "../", "..\\", "/", "\\" };
	if (span_eq(s, SPAN(".")) || span_eq(s, SPAN(".."))) return true;
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (span_has_prefix(s, span_of(starts[i]))) return true;
	return s.n >= 2 && s.p[1] == ':' &&
	       ((s.p[0] >= 'A' && s.p[0] <= 'Z') || (s.p[0] >= 'a' && s.p[0] <= 'z'));
}

/* replace = path [version] "=>" (path version / directory) */
static const char *read_replace(struct reader *r, const struct directive *d)
{
	struct modfile *f = r->file;
	struct modfile_replace replace = { 0 };
	size_t arrow = d->n >= 2 && span_eq(d->args[1], SPAN("=>")) ? 1 : 2;
	if (d->n < arrow + 2 || d->n > arrow + 3 || !span_eq(d->args[arrow], SPAN("=>")))
		return "expected module/path [v1.2.3] => other/module v1.4 or ../directory";
	if (!read_string(r->arena, d->args[0], &replace.old.path)) return "malformed string";
	if (arrow == 2 && !read_version(r->arena, d->args[1], &replace.old.version))
		return "version must be of the form v1.2.3";
	const char *fault = version_fault(replace.old);
	if (fault != NULL) return fault;
	if (!read_string(r->arena, d->args[arrow + 1], &replace.new.path))
		return "malformed string";
	bool versioned = d->n == arrow + 3, directory = is_directory(replace.new.path);
	if (versioned && !read_version(r->arena, d->args[arrow + 2], &replace.new.version))
		return "version must be of the form v1.2.3";
	if (versioned == directory)
		return directory ? "a replacement directory cannot have a version"
				 : "a replacement without version must be a directory";
	if (directory && span_index(replace.new.path, '\\') >= 0)
		return "the replacement directory is a Windows path";
	f->replace = grow(r->arena, f->replace, f->replaces, sizeof replace);
	f->replace[f->replaces++] = replace;
	return NULL;
}

/* interval = version / "[" version "," version "]" *tok. The tokens behind it may be anything. */
static const char *read_interval(struct reader *r, const struct directive *d,
				 struct modfile_retract *out, size_t *taken)
{
	if (d->n == 0 || span_eq(d->args[0], SPAN("("))) return "expected [ or version";
	*taken = 1;
	if (!span_eq(d->args[0], SPAN("["))) {
		if (!read_string(r->arena, d->args[0], &out->low)) return "malformed string";
		out->high = out->low;
		return NULL;
	}
	*taken = 5;
	if (d->n < 5 || !span_eq(d->args[2], SPAN(",")) || !span_eq(d->args[4], SPAN("]")))
		return "expected [version, version]";
	if (!read_string(r->arena, d->args[1], &out->low) ||
	    !read_string(r->arena, d->args[3], &out->high))
		return "malformed string";
	return NULL;
}

static const char *read_retract(struct reader *r, const struct directive *d)
{
	struct modfile *f = r->file;
	struct modfile_retract retract = { .rationale = comment_text(r, d) };
	size_t taken = 0;
	const char *fault = read_interval(r, d, &retract, &taken);
	/* A dependency may use a syntax that is yet to come. */
	if (fault != NULL) return r->mode == MODFILE_STRICT ? fault : NULL;
	if (d->n > taken && r->mode == MODFILE_STRICT) return "unexpected token after version";
	f->retract = grow(r->arena, f->retract, f->retracts, sizeof retract);
	f->retract[f->retracts++] = retract;
	return NULL;
}

static const char *read_path(struct reader *r, const struct directive *d, struct mg_span **paths,
			     size_t *n)
{
	struct mg_span path;
	if (d->n != 1) return "expected exactly one argument";
	if (!read_string(r->arena, d->args[0], &path)) return "malformed string";
	*paths = grow(r->arena, *paths, *n, sizeof path);
	(*paths)[(*n)++] = path;
	return NULL;
}

static const char *read_tool(struct reader *r, const struct directive *d)
{
	return read_path(r, d, &r->file->tool, &r->file->tools);
}

static const char *read_ignore(struct reader *r, const struct directive *d)
{
	return read_path(r, d, &r->file->ignore, &r->file->ignores);
}

static const char *read_godebug(struct reader *r, const struct directive *d)
{
	struct modfile *f = r->file;
	if (d->n != 1 || span_index(d->args[0], '=') < 0) return "usage: godebug key=value";
	for (size_t i = 0; i < d->args[0].n; i++)
		if (strchr("\"`',", d->args[0].p[i]) != NULL) return "usage: godebug key=value";
	f->godebug = grow(r->arena, f->godebug, f->godebugs, sizeof *f->godebug);
	f->godebug[f->godebugs++] = arena_dup(r->arena, d->args[0]);
	return NULL;
}

static const struct {
	const char *verb;
	read_fn *read;
	bool in_lax, in_block;
} directives[] = {
	{ "module", read_module, true, true },         { "go", read_go, true, false },
	{ "toolchain", read_toolchain, false, false }, { "require", read_require, true, true },
	{ "exclude", read_exclude, false, true },      { "replace", read_replace, false, true },
	{ "retract", read_retract, true, true },       { "tool", read_tool, false, true },
	{ "ignore", read_ignore, true, true },         { "godebug", read_godebug, false, true },
};

static const char *read_directive(struct reader *r, const struct directive *d)
{
	for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
		if (!span_eq(d->verb, span_of(directives[i].verb))) continue;
		if (r->mode == MODFILE_LAX && !directives[i].in_lax) return NULL;
		return directives[i].read(r, d);
	}
	return r->mode == MODFILE_LAX ? NULL : "unknown directive";
}

static bool block_allowed(const struct modsyntax_line *head)
{
	for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++)
		if (span_eq(head->tokens[0], span_of(directives[i].verb)))
			return directives[i].in_block && head->n == 1;
	return false;
}

/* *number: of the line that is at fault. */
static const char *read_stmt(struct reader *r, const struct modsyntax_stmt *stmt, unsigned *number)
{
	*number = stmt->head.number;
	struct directive d = { .verb = stmt->head.tokens[0] };
	if (!stmt->is_block) {
		d.line = &stmt->head;
		d.args = stmt->head.tokens + 1;
		d.n = stmt->head.n - 1;
		return read_directive(r, &d);
	}
	if (!block_allowed(&stmt->head))
		return r->mode == MODFILE_LAX ? NULL : "unknown block type";
	d.block = stmt;
	for (d.line = stmt->lines; d.line != NULL; d.line = d.line->next) {
		*number = d.line->number;
		d.args = d.line->tokens;
		d.n = d.line->n;
		const char *fault = read_directive(r, &d);
		if (fault != NULL) return fault;
	}
	return NULL;
}

enum mg_code modfile_parse(struct mg_span file, enum modfile_mode mode, struct arena *a,
			   struct modfile *out, struct mg_err *err)
{
	if (file.n > MODFILE_MAX)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "go.mod is larger than %d bytes",
			       MODFILE_MAX);
	struct modfile parsed = { 0 };
	struct reader r = { .arena = a, .file = &parsed, .mode = mode };
	struct modsyntax_stmt *stmt = NULL;
	enum mg_code rc = modsyntax_parse(file, a, &stmt, err);
	if (rc != MG_OK) return rc;
	for (; stmt != NULL; stmt = stmt->next) {
		unsigned number;
		const char *fault = read_stmt(&r, stmt, &number);
		if (fault != NULL)
			return err_set(err, MG_INVALID, MG_CAUSE_NONE, "go.mod:%u: %.*s: %s",
				       number, SPAN_ARG(span_first(stmt->head.tokens[0], 100)),
				       fault);
	}
	*out = parsed;
	return MG_OK;
}

void modfile_scan_path(struct mg_span file, struct mg_buf *out)
{
	while (file.p != NULL) {
		struct mg_span line = span_cut(&file, '\n');
		ptrdiff_t comment = span_find(line, SPAN("//"));
		if (comment >= 0) line = span_first(line, (size_t)comment);
		line = rune_trim_space(line);
		if (!span_has_prefix(line, SPAN("module"))) continue;
		line = span_from(line, strlen("module"));
		struct mg_span path = rune_trim_space(line);
		if (path.n == line.n || path.n == 0) continue;
		if (path.p[0] != '"' && path.p[0] != '`')
			buf_append(out, path);
		else
			goquote_unquote(path, out);
		return;
	}
}
