/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/importpage.h"

#include "gomod/modpath.h"

#define PATH_MAX_BYTES 8192
#define STARS_MAX      8

/* --- rules --- */

static enum mg_code refuse(struct mg_err *err, const char *why)
{
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "%s", why);
}

static struct mg_span next_word(struct mg_span *rest)
{
	*rest = span_trim(*rest);
	struct mg_span word = span_cut(rest, ' ');
	return word;
}

static size_t count_stars(struct mg_span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '*';
	return n;
}

/* Elements that are "*" as a whole, in a path that would be one without them. */
static bool is_pattern(struct mg_span pattern)
{
	struct mg_buf path = BUF_MAX(PATH_MAX_BYTES);
	struct mg_span rest = pattern;
	bool ok = pattern.n > 0;
	struct mg_err err;
	for (bool first = true; rest.p != NULL && ok; first = false) {
		const struct mg_span element = span_cut(&rest, '/');
		const bool star = span_eq(element, SPAN("*"));
		ok = !(first && star) && (star || count_stars(element) == 0);
		if (!first) buf_append_char(&path, '/');
		buf_append(&path, star ? SPAN("x") : element);
	}
	ok = ok && !buf_failed(&path) && modpath_check_import(buf_span(&path), &err) == MG_OK;
	buf_deinit(&path);
	return ok;
}

/* What the go command takes of a page (go.dev/ref/mod#vcs-find). */
static bool is_url(struct mg_span url)
{
	const ptrdiff_t scheme = span_find(url, SPAN("://"));
	return scheme > 0 && (size_t)scheme + 3 < url.n && !span_has_prefix(url, SPAN("file:"));
}

static bool is_folder(struct mg_span subdir)
{
	struct mg_span rest = subdir;
	if (subdir.n == 0) return true;
	if (subdir.p[0] == '-') return false;
	while (rest.p != NULL) {
		const struct mg_span element = span_cut(&rest, '/');
		if (element.n == 0 || span_eq(element, SPAN(".")) || span_eq(element, SPAN("..")))
			return false;
	}
	return true;
}

enum mg_code importpage_parse(struct mg_span text, struct importpage *out, struct mg_err *err)
{
	struct mg_span rest = text;
	const struct importpage rule = { .pattern = next_word(&rest),
					 .kind = next_word(&rest),
					 .url = next_word(&rest),
					 .subdir = next_word(&rest) };
	if (rule.url.n == 0 || span_trim(rest).n > 0)
		return refuse(err, "expected \"PATTERN KIND URL [SUBDIR]\", such as "
				   "\"go.corp.example/* git https://git.corp.example/*\"");
	if (!is_pattern(rule.pattern))
		return refuse(err, "PATTERN is no import path, in which * may stand for an "
				   "element behind the host");
	if (!span_eq(rule.kind, SPAN("git")) && !span_eq(rule.kind, SPAN("mod")))
		return refuse(err, "KIND is git, or mod for a module proxy");
	if (!is_url(rule.url)) return refuse(err, "URL needs a scheme such as https://");
	if (!is_folder(rule.subdir))
		return refuse(err, "SUBDIR is a folder in the repository, such as go/module");
	if (count_stars(rule.url) + count_stars(rule.subdir) > count_stars(rule.pattern) ||
	    count_stars(rule.pattern) > STARS_MAX)
		return refuse(err,
			      "URL and SUBDIR have more * than PATTERN, or that has more than 8");
	*out = rule;
	return MG_OK;
}

/* --- pages --- */

struct match {
	struct mg_span root;
	struct mg_span stars[STARS_MAX];
	size_t n;
};

static bool matches(struct mg_span pattern, struct mg_span path, struct match *out)
{
	struct mg_span want = pattern, rest = path;
	*out = (struct match){ 0 };
	while (want.p != NULL) {
		if (rest.p == NULL) return false;
		const struct mg_span element = span_cut(&want, '/'), have = span_cut(&rest, '/');
		if (span_eq(element, SPAN("*")))
			out->stars[out->n++] = have;
		else if (!span_eq(element, have))
			return false;
		out->root = span_make(path.p, (size_t)(have.p + have.n - path.p));
	}
	return true;
}

static void put_quoted(struct mg_buf *out, struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_append_str(out, "&amp;");
			break;
		case '<':
			buf_append_str(out, "&lt;");
			break;
		case '"':
			buf_append_str(out, "&#34;");
			break;
		default:
			buf_append_char(out, s.p[i]);
		}
	}
}

static void put_filled(struct mg_buf *out, struct mg_span text, const struct match *m, size_t *star)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '*')
			put_quoted(out, m->stars[(*star)++]);
		else
			put_quoted(out, span_make(text.p + i, 1));
	}
}

static void put_page(struct mg_buf *out, const struct importpage *rule, const struct match *m)
{
	size_t star = 0;
	buf_append_str(out, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n"
			    "<meta name=\"go-import\" content=\"");
	put_quoted(out, m->root);
	buf_append_char(out, ' ');
	buf_append(out, rule->kind);
	buf_append_char(out, ' ');
	put_filled(out, rule->url, m, &star);
	if (rule->subdir.n > 0) {
		buf_append_char(out, ' ');
		put_filled(out, rule->subdir, m, &star);
	}
	buf_append_str(out, "\">\n</head><body>go get ");
	put_quoted(out, m->root);
	buf_append_str(out, "</body></html>\n");
}

/* Without its port, and in small letters: an import path has no others in its host. */
static void put_host(struct mg_buf *out, struct mg_span host)
{
	const struct mg_span name = span_cut(&host, ':');
	for (size_t i = 0; i < name.n; i++) {
		const char c = name.p[i];
		buf_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
	}
}

bool importpage_find(const struct importpage *rules, size_t n, struct mg_span host,
		     struct mg_span path, struct mg_buf *out)
{
	struct mg_buf import = BUF_MAX(PATH_MAX_BYTES);
	struct match m;
	struct mg_err err;
	size_t i = n;
	put_host(&import, host);
	if (!span_eq(path, SPAN("/"))) buf_append(&import, path);
	if (!buf_failed(&import) && modpath_check_import(buf_span(&import), &err) == MG_OK)
		for (i = 0; i < n && !matches(rules[i].pattern, buf_span(&import), &m);)
			i++;
	if (i < n) put_page(out, &rules[i], &m);
	buf_deinit(&import);
	return i < n;
}
