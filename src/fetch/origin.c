/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/origin.h"

#include "gomod/pattern.h"

/* The walk is over: which failure does the go user see? */
static enum mg_code report(struct mg_err *err, const struct mg_err *failure)
{
	if (err != NULL) *err = *failure;
	return failure->code;
}

enum mg_code origin_walk(const struct proxylist *list, bool direct, origin_visit_fn *visit,
			 void *arg, bool *asked, struct mg_err *err)
{
	struct mg_err worst = { 0 };
	*asked = false;
	if (list->n == 0)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_POLICY,
			       "not stored; a parent of private modules (GOPRIVATE, GONOPROXY) is "
			       "asked of nobody");
	for (size_t i = 0; i < list->n; i++) {
		const struct proxylist_entry *e = &list->entries[i];
		if (e->kind == PROXYLIST_OFF) {
			if (worst.code == MG_OK)
				err_set(&worst, MG_NOT_FOUND, MG_CAUSE_NONE,
					"not stored, and module lookup is disabled by GOPROXY=off");
			break;
		}
		if (e->kind == PROXYLIST_DIRECT && !direct) {
			if (worst.code == MG_OK)
				err_set(&worst, MG_NOT_FOUND, MG_CAUSE_NONE,
					"not stored, and repositories, where private modules "
					"(GOPRIVATE, GONOPROXY) and those of GOPROXY=direct come "
					"from, are not read: modgate is offline, or has no git");
			break;
		}
		struct mg_err failure = { 0 };
		*asked = true;
		const enum mg_code rc = visit(arg, e, &failure);
		if (rc == MG_OK) return MG_OK;
		if (rc == MG_CANCELED) return report(err, &failure);
		if (rc != MG_NOT_FOUND || worst.code == MG_OK || worst.code == MG_NOT_FOUND)
			worst = failure;
		if (rc != MG_NOT_FOUND && !e->any_error) break;
	}
	return report(err, &worst);
}

static size_t elements(struct mg_span s)
{
	size_t n = 1;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '/';
	return n;
}

/* Does path match the first elements of a longer glob? Then it is a parent of something private. */
static bool is_parent(struct mg_span glob, struct mg_span path)
{
	const size_t depth = elements(path);
	size_t cut = 0;
	for (size_t seen = 0; cut < glob.n; cut++) {
		if (glob.p[cut] == '/' && ++seen == depth) break;
	}
	return cut < glob.n && pattern_match(span_first(glob, cut), path);
}

bool origin_is_private(struct mg_span globs, struct mg_span path)
{
	if (pattern_match(globs, path)) return true;
	while (globs.p != NULL) {
		struct mg_span glob = span_cut(&globs, ',');
		while (glob.n > 0 && glob.p[glob.n - 1] == '/')
			glob.n--;
		if (is_parent(glob, path)) return true;
	}
	return false;
}

struct proxylist origin_list(const struct proxylist *all, struct mg_span private,
			     struct mg_span path)
{
	static struct proxylist_entry repository = { .kind = PROXYLIST_DIRECT };
	if (pattern_match(private, path))
		return (struct proxylist){ .entries = &repository, .n = 1 };
	if (origin_is_private(private, path)) return (struct proxylist){ 0 };
	return *all;
}

/* fileurl decodes a URL as any other: a '%' that is part of a branch's name must survive that. */
static void put_file_name(const struct target *t, struct mg_buf *out)
{
	struct mg_buf name = BUF_MAX(4 * TARGET_URL_MAX);
	target_file(t, &name);
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '%')
			buf_append(out, SPAN("%25"));
		else
			buf_append_char(out, name.p[i]);
	}
	buf_deinit(&name);
}

bool origin_is_exempt(struct mg_span nosumdb, struct mg_span path)
{
	return !span_eq(path, SPAN("golang.org/toolchain")) && origin_is_private(nosumdb, path);
}

void origin_url(const struct proxylist_entry *proxy, const struct target *t, struct mg_buf *out)
{
	buf_append(out, proxy->url);
	buf_append_char(out, '/');
	/* A static tree has the names themselves, a URL has '!' percent-encoded (protocol §1.12). */
	if (span_has_prefix(proxy->url, SPAN("file:")))
		put_file_name(t, out);
	else
		target_url(t, out);
	buf_append(out, proxy->query);
}
