/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/repopath.h"

static bool is_lower_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_letter_digit(char c)
{
	return is_lower_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool is_lower_word(char c)
{
	return is_lower_digit(c) || c == '_' || c == '.' || c == '-';
}

static bool is_word(char c)
{
	return is_letter_digit(c) || c == '_' || c == '.' || c == '-';
}

static bool is_host(char c)
{
	return is_lower_digit(c) || c == '.' || c == '-';
}

/* One or more characters of the kind, and no others. */
static bool is_all(struct mg_span s, bool (*kind)(char))
{
	for (size_t i = 0; i < s.n; i++)
		if (!kind(s.p[i])) return false;
	return s.n > 0;
}

static const struct mg_span systems[] = {
	{ "bzr", 3 }, { "fossil", 6 }, { "git", 3 }, { "hg", 2 }, { "svn", 3 },
};

bool repopath_is_vcs(struct mg_span name)
{
	for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++)
		if (span_eq(systems[i], name)) return true;
	return false;
}

/* "x.git" gives "git"; nothing before the dot, or no known system behind it, gives an empty span. */
static struct mg_span qualifier(struct mg_span element)
{
	ptrdiff_t dot = span_last_index(element, '.');
	struct mg_span name = span_from(element, (size_t)dot + 1);
	return dot > 0 && repopath_is_vcs(name) ? name : SPAN("");
}

bool repopath_has_prefix(struct mg_span path, struct mg_span prefix)
{
	if (!span_has_prefix(path, prefix)) return false;
	return path.n == prefix.n || prefix.n == 0 || prefix.p[prefix.n - 1] == '/' ||
	       path.p[prefix.n] == '/';
}

/* A host whose layout is known: below prefix come elements of these kinds, which with it are the root. */
static const struct fixed_host {
	struct mg_span prefix;
	bool (*kinds[4])(char);
	struct mg_span words[4]; /* not empty: the element must be this */
	struct mg_span vcs;
	bool wants_git;    /* the last one must end in ".git" */
	bool no_qualifier; /* it must not end like a qualifier */
	bool nothing_behind;
} fixed_hosts[] = {
	{ .prefix = { "github.com", 10 },
	  .kinds = { is_word, is_word },
	  .vcs = { "git", 3 },
	  .no_qualifier = true },
	{ .prefix = { "bitbucket.org", 13 },
	  .kinds = { is_word, is_word },
	  .vcs = { "git", 3 },
	  .no_qualifier = true },
	{ .prefix = { "hub.jazz.net/git", 16 },
	  .kinds = { is_lower_digit, is_word },
	  .vcs = { "git", 3 },
	  .no_qualifier = true },
	{ .prefix = { "git.apache.org", 14 },
	  .kinds = { is_lower_word },
	  .vcs = { "git", 3 },
	  .wants_git = true },
	{ .prefix = { "git.openstack.org", 17 },
	  .kinds = { is_word, is_word },
	  .vcs = { "git", 3 } },
	{ .prefix = { "chiselapp.com", 13 },
	  .kinds = { is_word, is_letter_digit, is_word, is_word },
	  .words = { { "user", 4 }, { "", 0 }, { "repository", 10 } },
	  .vcs = { "fossil", 6 },
	  .nothing_behind = true },
};

static enum mg_code refuse(struct mg_err *err, const char *why)
{
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "no repository has this path: %s", why);
}

static bool rest_is_words(struct mg_span rest)
{
	while (rest.p != NULL)
		if (!is_all(span_cut(&rest, '/'), is_word)) return false;
	return true;
}

static enum mg_code find_fixed(const struct fixed_host *h, struct mg_span path,
			       struct repopath *out, struct mg_err *err)
{
	/* rest.p is NULL when nothing follows. */
	struct mg_span rest = span_from(path, h->prefix.n + 1), element = h->prefix;
	if (path.n == h->prefix.n) rest.p = NULL;
	for (size_t i = 0; i < 4 && h->kinds[i] != NULL; i++) {
		if (rest.p == NULL) return refuse(err, "its host has longer ones");
		element = span_cut(&rest, '/');
		if (!is_all(element, h->kinds[i]) ||
		    (h->words[i].n > 0 && !span_eq(element, h->words[i])))
			return refuse(err, "its host has none that look so");
	}
	if (h->wants_git && (element.n <= 4 || !span_has_suffix(element, SPAN(".git"))))
		return refuse(err, "those of its host end in .git");
	if ((h->nothing_behind && rest.p != NULL) || !rest_is_words(rest))
		return refuse(err, "its host has none that look so");
	out->kind = REPOPATH_FIXED;
	out->root = span_make(path.p, (size_t)(element.p + element.n - path.p));
	out->repo = out->root;
	out->vcs = h->vcs;
	/* The element ".git" alone counts too: the repository's name ends so. */
	for (size_t i = 0; h->no_qualifier && i < sizeof systems / sizeof systems[0]; i++)
		if (element.n > systems[i].n && span_has_suffix(element, systems[i]) &&
		    element.p[element.n - systems[i].n - 1] == '.')
			return refuse(err, "at its host a repository's name has no such ending");
	return MG_OK;
}

/* host = labels with a dot between, then perhaps ":" digits; takes it and the "/" behind off *rest. */
static bool take_host(struct mg_span *rest)
{
	struct mg_span after = *rest, host = span_cut(&after, '/');
	if (after.p == NULL) return false;
	ptrdiff_t colon = span_index(host, ':');
	if (colon >= 0) {
		struct mg_span port = span_from(host, (size_t)colon + 1);
		host = span_first(host, (size_t)colon);
		for (size_t i = 0; i < port.n; i++)
			if (port.p[i] < '0' || port.p[i] > '9') return false;
		if (port.n == 0) return false;
	}
	if (host.n < 3 || !is_all(host, is_host)) return false;
	if (memchr(host.p + 1, '.', host.n - 2) == NULL) return false;
	*rest = after;
	return true;
}

/* host 1*( "/" ["~"] word ) "." vcs *( "/" ["~"] word ): the last element that ends so is it. */
static bool find_qualified(struct mg_span s, struct repopath *out)
{
	struct mg_span rest = s, vcs = SPAN("");
	size_t root_n = 0;
	if (!take_host(&rest)) return false;
	while (rest.p != NULL) {
		struct mg_span element = span_cut(&rest, '/');
		if (element.n > 0 && element.p[0] == '~') element = span_from(element, 1);
		if (!is_all(element, is_word)) return false;
		if (qualifier(element).n == 0) continue;
		vcs = qualifier(element);
		root_n = (size_t)(element.p + element.n - s.p);
	}
	if (vcs.n == 0) return false;
	*out = (struct repopath){ .kind = REPOPATH_QUALIFIED,
				  .root = span_first(s, root_n),
				  .repo = span_first(s, root_n - vcs.n - 1),
				  .vcs = vcs };
	return true;
}

enum mg_code repopath_find(struct mg_span path, struct repopath *out, struct mg_err *err)
{
	*out = (struct repopath){ .kind = REPOPATH_ASK };
	if (span_has_prefix(path, SPAN("http:")) || span_has_prefix(path, SPAN("https:")))
		return refuse(err, "a module path has no scheme");
	for (size_t i = 0; i < sizeof fixed_hosts / sizeof fixed_hosts[0]; i++)
		if (repopath_has_prefix(path, fixed_hosts[i].prefix)) {
			enum mg_code rc = find_fixed(&fixed_hosts[i], path, out, err);
			if (rc != MG_OK) *out = (struct repopath){ .kind = REPOPATH_ASK };
			return rc;
		}
	/* The go command looks for a qualified name anywhere in the path, and then fails because that
	 * repository's root is no prefix of the path. */
	struct repopath found;
	for (size_t from = 0; from < path.n; from++) {
		if (!find_qualified(span_from(path, from), &found)) continue;
		if (from > 0) return refuse(err, "its qualifier stands behind another host");
		*out = found;
		return MG_OK;
	}
	return MG_OK;
}
