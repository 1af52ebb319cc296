/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/proxylist.h"

#include "gomod/rune.h"

/* More proxies than anyone lists; bounds the array. */
#define ENTRIES_MAX 64

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A value without what may be a password in it. */
static enum mg_code refuse(struct mg_err *err, struct mg_span element, const char *why)
{
	ptrdiff_t at = span_last_index(element, '@');
	struct mg_span shown = span_from(element, (size_t)(at + 1));
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "GOPROXY: element \"%s%.*s\": %s",
		       at >= 0 ? "…@" : "", SPAN_ARG(span_first(shown, 200)), why);
}

static bool valid_escapes(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' && (i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
			return false;
	return true;
}

/* userinfo of RFC 3986 §3.2.1, and "@", which people write. */
static bool valid_userinfo(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) &&
		    strchr("-._:~!$&'()*+,;=%@", s.p[i]) == NULL)
			return false;
	return valid_escapes(s);
}

/* IPv4address of RFC 3986 §3.2.2 */
static bool is_ipv4(struct mg_span s)
{
	size_t parts = 0;
	uint64_t part;
	for (; s.p != NULL; parts++)
		if (!span_u64(span_cut(&s, '.'), 255, &part)) return false;
	return parts == 4;
}

/* The groups of 16 bits in h16 *(":" h16), of which the last two may be written as IPv4; -1 when it is
 * no such list. */
static int count_groups(struct mg_span s)
{
	int n = 0;
	if (s.n == 0) return 0;
	while (s.p != NULL) {
		struct mg_span group = span_cut(&s, ':');
		if (s.p == NULL && is_ipv4(group)) return n + 2;
		if (group.n == 0 || group.n > 4) return -1;
		for (size_t i = 0; i < group.n; i++)
			if (!is_hex(group.p[i])) return -1;
		n++;
	}
	return n;
}

/* IPv6address, with "%25" and a zone behind it (RFC 6874). */
static bool is_ipv6(struct mg_span s)
{
	ptrdiff_t zone = span_find(s, SPAN("%25"));
	if (zone >= 0) {
		if ((size_t)zone + 3 == s.n || !valid_escapes(s)) return false;
		for (size_t i = (size_t)zone; i < s.n; i++)
			if (strchr("[\\^`{|}", s.p[i]) != NULL) return false;
		s = span_first(s, (size_t)zone);
	}
	ptrdiff_t gap = span_find(s, SPAN("::"));
	if (gap < 0) return count_groups(s) == 8;
	struct mg_span head = span_first(s, (size_t)gap);
	int before = span_index(head, '.') < 0 ? count_groups(head) : -1;
	int after = count_groups(span_from(s, (size_t)gap + 2));
	return before >= 0 && after >= 0 && before + after < 8;
}

/* host = name / IPv4 / "[" IPv6 "]", with an optional ":" and port. */
static const char *host_fault(struct mg_span host)
{
	struct mg_span port = host;
	if (host.n > 0 && host.p[0] == '[') {
		ptrdiff_t end = span_last_index(host, ']');
		if (end < 0) return "missing ] in host";
		port = span_from(host, (size_t)end + 1);
		if (!is_ipv6(span_make(host.p + 1, (size_t)end - 1)))
			return "no IPv6 address between [ and ]";
	} else {
		host = span_cut(&port, ':');
		if (port.p != NULL) port = span_make(port.p - 1, port.n + 1);
		if (host.n == 0) return "missing host";
		for (size_t i = 0; i < host.n; i++)
			if (strchr("%[]\"<>\\^`{|}", host.p[i]) != NULL)
				return "invalid character in host";
	}
	if (port.n > 0 && port.p[0] != ':') return "invalid port";
	for (size_t i = 1; i < port.n; i++)
		if (!is_digit(port.p[i])) return "invalid port";
	return NULL;
}

/* hier-part of RFC 3986 §3 behind "http:" or "https:". */
static const char *http_fault(struct mg_span s)
{
	if (!span_has_prefix(s, SPAN("//"))) return "missing host";
	s = span_from(s, 2);
	size_t n = 0;
	while (n < s.n && s.p[n] != '/' && s.p[n] != '?')
		n++;
	struct mg_span authority = span_first(s, n);
	struct mg_span rest = span_from(s, n);
	if (!valid_escapes(span_cut(&rest, '?'))) return "malformed percent-encoding";
	ptrdiff_t at = span_last_index(authority, '@');
	if (!valid_userinfo(span_first(authority, at < 0 ? 0 : (size_t)at)))
		return "invalid character before the @";
	return host_fault(span_from(authority, (size_t)(at + 1)));
}

static const char *file_fault(struct mg_span s)
{
	if (!span_has_prefix(s, SPAN("///")))
		return "a file URL is written file:///path, without a host";
	if (span_index(s, '?') >= 0) return "a file URL has no query";
	return valid_escapes(s) ? NULL : "malformed percent-encoding";
}

/* s: a complete URL, its scheme ending before s.p[colon]. */
static enum mg_code parse_url(struct mg_span s, size_t colon, struct arena *a,
			      struct proxylist_entry *out, struct mg_err *err)
{
	struct mg_span scheme = span_first(s, colon), rest = span_from(s, colon + 1);
	const char *name = span_eq_nocase(scheme, SPAN("https"))  ? "https"
			   : span_eq_nocase(scheme, SPAN("http")) ? "http"
			   : span_eq_nocase(scheme, SPAN("file")) ? "file"
								  : NULL;
	if (name == NULL) return refuse(err, s, "the scheme must be https, http or file");
	if (span_index(s, '#') >= 0) return refuse(err, s, "a proxy URL has no fragment");
	const char *fault = name[0] == 'f' ? file_fault(rest) : http_fault(rest);
	if (fault != NULL) return refuse(err, s, fault);
	struct mg_span query = rest;
	struct mg_span base = span_cut(&query, '?');
	if (span_has_suffix(base, SPAN("/"))) base = span_first(base, base.n - 1);
	*out = (struct proxylist_entry){ .kind = PROXYLIST_URL };
	out->url = span_of(arena_printf(a, "%s:%.*s", name, SPAN_ARG(base)));
	if (query.p != NULL) out->query = arena_dup(a, span_make(query.p - 1, query.n + 1));
	return MG_OK;
}

static enum mg_code parse_element(struct mg_span s, struct arena *a, struct proxylist_entry *out,
				  struct mg_err *err)
{
	if (span_eq(s, SPAN("off")) || span_eq(s, SPAN("direct"))) {
		*out = (struct proxylist_entry){
			.kind = s.p[0] == 'o' ? PROXYLIST_OFF : PROXYLIST_DIRECT,
		};
		return MG_OK;
	}
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == ' ')
			return refuse(err, s, "control character or space");
	/* Words are kept for the go command's own use; a name with a dot, colon or slash in it but
	 * no scheme is a host. */
	bool word = span_index(s, '.') < 0 && span_index(s, ':') < 0 && span_index(s, '/') < 0;
	if (word || s.p[0] == '/')
		return refuse(err, s,
			      "neither a URL nor \"direct\" or \"off\" (a folder is written "
			      "file:///path)");
	if (span_find(s, SPAN(":/")) < 0) s = span_of(arena_printf(a, "https://%.*s", SPAN_ARG(s)));
	size_t colon = 0;
	while (colon < s.n &&
	       (is_alpha(s.p[colon]) || (colon > 0 && (is_digit(s.p[colon]) || s.p[colon] == '+' ||
						       s.p[colon] == '-' || s.p[colon] == '.'))))
		colon++;
	if (colon == 0 || colon == s.n || s.p[colon] != ':')
		return refuse(err, s, "missing scheme");
	return parse_url(s, colon, a, out, err);
}

/* list = element *(("," / "|") element); each separator belongs to the element on its left. */
enum mg_code proxylist_parse(struct mg_span value, struct arena *a, struct proxylist *out,
			     struct mg_err *err)
{
	struct proxylist list = {
		.entries = arena_alloc(a, ENTRIES_MAX * sizeof(struct proxylist_entry)),
	};
	size_t at = 0;
	while (at < value.n) {
		size_t end = at;
		while (end < value.n && value.p[end] != ',' && value.p[end] != '|')
			end++;
		struct mg_span element = rune_trim_space(span_make(value.p + at, end - at));
		at = end + 1;
		if (element.n == 0) continue;
		if (list.n == ENTRIES_MAX)
			return err_set(err, MG_INVALID, MG_CAUSE_NONE,
				       "GOPROXY has more than %d elements", ENTRIES_MAX);
		struct proxylist_entry *entry = &list.entries[list.n];
		enum mg_code rc = parse_element(element, a, entry, err);
		if (rc != MG_OK) return rc;
		list.n++;
		if (entry->kind != PROXYLIST_URL) break;
		entry->any_error = end < value.n && value.p[end] == '|';
	}
	if (list.n == 0)
		return err_set(
			err, MG_INVALID, MG_CAUSE_NONE,
			"GOPROXY names no proxy: set it to a URL, to \"direct\" or to \"off\"");
	*out = list;
	return MG_OK;
}
