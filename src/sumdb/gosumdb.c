/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/gosumdb.h"

/* The go command knows this one by name, and so must whoever stands in for it. */
#define PUBLIC_NAME "sum.golang.org"
#define PUBLIC_KEY  PUBLIC_NAME "+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
/* The same database, under a name that is reached where the other is not. */
#define PUBLIC_ALIAS "sum.golang.google.cn"

static struct mg_span next_field(struct mg_span *rest)
{
	*rest = span_trim(*rest);
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	const struct mg_span field = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return field;
}

static bool is_url(struct mg_span s)
{
	return span_has_prefix(s, SPAN("https://")) || span_has_prefix(s, SPAN("http://"));
}

enum mg_code gosumdb_parse(struct mg_span value, struct arena *a, struct gosumdb *out,
			   struct mg_err *err)
{
	struct mg_span rest = span_trim(value);
	struct mg_span who = next_field(&rest), url = next_field(&rest);
	*out = (struct gosumdb){ .off = span_eq(who, SPAN("off")) };
	if (span_trim(rest).n > 0 || (out->off && url.n > 0))
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "GOSUMDB has too many fields: it is off, NAME, KEY, or one of "
			       "these and a URL");
	if (out->off) return MG_OK;

	const bool alias = span_eq(who, SPAN(PUBLIC_ALIAS));
	if (alias && url.n == 0) url = SPAN("https://" PUBLIC_ALIAS);
	if (who.n == 0 || alias || span_eq(who, SPAN(PUBLIC_NAME))) who = SPAN(PUBLIC_KEY);
	if (span_index(who, '+') < 0)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "the key of the checksum database %.*s is not known: write it in "
			       "full, as NAME+HASH+KEY",
			       SPAN_ARG(span_first(who, 200)));
	if (notekey_parse(who, &out->key, err) != MG_OK) return err->code;
	out->direct = url.n > 0;
	if (!out->direct) {
		out->url = arena_printf(a, "https://%s", out->key.name);
		return MG_OK;
	}
	if (!is_url(url))
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "the URL of the checksum database begins with neither https:// nor "
			       "http://: %.*s",
			       SPAN_ARG(span_first(url, 200)));
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url = span_first(url, url.n - 1);
	out->url = arena_strdup(a, url);
	return MG_OK;
}
