/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/repourl.h"

static enum mg_code refuse(struct mg_err *err, const char *why)
{
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "not the URL of a repository: %s", why);
}

static bool is_lower_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One or more of a-z 0-9 and these; the first one of a-z 0-9. */
static bool is_word(struct mg_span s, const char *others)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_lower_digit(s.p[i]) &&
		    (i == 0 || s.p[i] == '\0' || !strchr(others, s.p[i])))
			return false;
	return s.n > 0;
}

static bool is_user(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = is_lower_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || (c != '.' && c != '-' && c != '+'))) return false;
	}
	return s.n > 0;
}

static bool is_path(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("\"\\?#<>`|^{}'", s.p[i]) != NULL)
			return false;
	return true;
}

/* "[1:2::3]" gives what stands in the brackets; a name or an address itself. */
static bool take_host(struct mg_span text, struct mg_span *out)
{
	*out = text;
	if (text.n == 0 || text.p[0] != '[') return is_word(text, ".-_");
	if (text.n < 4 || text.p[text.n - 1] != ']') return false;
	*out = span_make(text.p + 1, text.n - 2);
	for (size_t i = 0; i < out->n; i++)
		if (!is_lower_digit(out->p[i]) && out->p[i] != ':' && out->p[i] != '.')
			return false;
	return span_index(*out, ':') >= 0;
}

static bool take_port(struct mg_span *authority, uint16_t *port)
{
	ptrdiff_t colon = span_last_index(*authority, ':');
	uint64_t n;
	*port = 0;
	if (colon < 0 || (authority->p[0] == '[' && authority->p[authority->n - 1] == ']'))
		return true;
	if (!span_u64(span_from(*authority, (size_t)colon + 1), 65535, &n) || n == 0) return false;
	*authority = span_first(*authority, (size_t)colon);
	*port = (uint16_t)n;
	return true;
}

static bool is_ssh(struct mg_span scheme)
{
	return span_eq(scheme, SPAN("ssh")) || span_eq(scheme, SPAN("git+ssh"));
}

enum mg_code repourl_parse(struct mg_span text, struct repourl *out, struct mg_err *err)
{
	struct repourl u = { .port = 0 };
	ptrdiff_t colon = span_find(text, SPAN("://"));
	if (colon <= 0) return refuse(err, "it has no scheme");
	u.scheme = span_first(text, (size_t)colon);
	if (!is_word(u.scheme, "+-.")) return refuse(err, "its scheme is malformed");
	struct mg_span authority = span_from(text, (size_t)colon + 3);
	ptrdiff_t slash = span_index(authority, '/');
	if (slash >= 0) {
		u.path = span_from(authority, (size_t)slash);
		authority = span_first(authority, (size_t)slash);
	}
	ptrdiff_t at = span_last_index(authority, '@');
	if (at >= 0) {
		u.user = span_first(authority, (size_t)at);
		authority = span_from(authority, (size_t)at + 1);
		if (!is_ssh(u.scheme)) return refuse(err, "it has a user's name in it");
		if (!is_user(u.user)) return refuse(err, "its user's name is malformed");
	}
	if (!take_port(&authority, &u.port)) return refuse(err, "its port is malformed");
	if (!take_host(authority, &u.host)) return refuse(err, "its host is malformed");
	if (!is_path(u.path))
		return refuse(err, "its path has characters that are not accepted here");
	*out = u;
	return MG_OK;
}

uint16_t repourl_port(const struct repourl *u)
{
	if (u->port != 0) return u->port;
	if (span_eq(u->scheme, SPAN("https"))) return 443;
	if (span_eq(u->scheme, SPAN("http"))) return 80;
	if (span_eq(u->scheme, SPAN("git"))) return 9418;
	return is_ssh(u->scheme) ? 22 : 0;
}
