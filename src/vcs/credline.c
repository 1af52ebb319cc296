/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/credline.h"

#define WORDS_MAX 5

static const struct {
	struct mg_span name;
	size_t words; /* before the file */
	enum credline_kind kind;
	bool ssh;
} kinds[] = {
	{ { "token", 5 }, 0, CREDLINE_TOKEN, false },
	{ { "basic", 5 }, 1, CREDLINE_BASIC, false },
	{ { "github-app", 10 }, 2, CREDLINE_GITHUB_APP, false },
	{ { "key", 3 }, 0, CREDLINE_KEY, true },
};

static bool is_ssh(const struct repourl *u)
{
	return span_eq(u->scheme, SPAN("ssh")) || span_eq(u->scheme, SPAN("git+ssh"));
}

static enum mg_code refuse(struct mg_err *err, size_t number, const char *why)
{
	return err_set(err, MG_INVALID, MG_CAUSE_AUTH, "line %zu: %s", number, why);
}

static size_t split(struct mg_span line, struct mg_span words[WORDS_MAX + 1])
{
	size_t n = 0;
	for (line = span_trim(line); line.n > 0 && n <= WORDS_MAX; line = span_trim(line)) {
		size_t end = 0;
		while (end < line.n && line.p[end] != ' ' && line.p[end] != '\t')
			end++;
		words[n++] = span_first(line, end);
		line = span_from(line, end);
	}
	return n;
}

static bool is_plain(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ':') return false;
	return true;
}

/* line = origin kind *word file */
static enum mg_code parse(struct mg_span line, size_t number, struct credline *out,
			  struct mg_err *err)
{
	struct mg_span w[WORDS_MAX + 1];
	size_t n = split(line, w), k = 0;
	struct mg_err why;
	if (n < 3) return refuse(err, number, "write ORIGIN KIND … FILE");
	*out = (struct credline){ .origin = w[0], .file = w[n - 1] };
	if (repourl_parse(w[0], &out->url, &why) != MG_OK) return refuse(err, number, why.text);
	if (out->url.path.n > 0 || out->url.user.n > 0)
		return refuse(err, number, "an origin is SCHEME://HOST or SCHEME://HOST:PORT");
	while (k < sizeof kinds / sizeof kinds[0] && !span_eq(kinds[k].name, w[1]))
		k++;
	if (k == sizeof kinds / sizeof kinds[0])
		return refuse(err, number, "kinds are token, basic, github-app and key");
	out->kind = kinds[k].kind;
	if (n != 3 + kinds[k].words)
		return refuse(err, number, "another number of words than its kind has");
	bool http =
		span_eq(out->url.scheme, SPAN("https")) || span_eq(out->url.scheme, SPAN("http"));
	if (kinds[k].ssh ? !is_ssh(&out->url) : !http)
		return refuse(err, number, "this kind is for another scheme");
	for (size_t i = 0; i < kinds[k].words; i++) {
		out->words[i] = w[2 + i];
		if (!is_plain(w[2 + i])) return refuse(err, number, "a name is of printable ASCII");
	}
	return MG_OK;
}

enum mg_code credline_next(struct mg_span *text, size_t *number, struct credline *out,
			   struct mg_err *err)
{
	while (text->p != NULL) {
		struct mg_span line = span_trim(span_cut(text, '\n'));
		++*number;
		if (line.n > 0 && line.p[0] != '#') return parse(line, *number, out, err);
	}
	return MG_NOT_FOUND;
}

bool credline_fits(const struct credline *l, const struct repourl *url)
{
	return (span_eq(l->url.scheme, url->scheme) || (is_ssh(&l->url) && is_ssh(url))) &&
	       span_eq(l->url.host, url->host) && repourl_port(&l->url) == repourl_port(url);
}
