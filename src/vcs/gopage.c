/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gopage.h"

#include "base/check.h"
#include "crypto/secretfile.h"
#include "gomod/pattern.h"

#define URL_MAX   (16u << 10)
#define TAGS_MAX  (128u << 10) /* bytes that are kept of a page */
#define LOGIN_MAX 8192u

bool gopage_is_insecure(const struct gopage_options *o, struct mg_span path)
{
	return o->insecure_globs != NULL && pattern_match(span_of(o->insecure_globs), path);
}

enum reach gopage_reach(const struct gopage_options *o, struct mg_span path, struct mg_span url)
{
	if (o->private_globs != NULL && pattern_match(span_of(o->private_globs), path))
		return REACH_INSIDE;
	return url.n > 0 && credential_names(o->credential, url) ? REACH_INSIDE : REACH_PUBLIC;
}

/* The page as far as it is looked at. */
struct page {
	struct mg_buf bytes;
	bool enough;
};

static enum mg_code take(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct page *p = arg;
	buf_append(&p->bytes, span_first(bytes, GOPAGE_MAX - p->bytes.n));
	p->enough = p->bytes.n == GOPAGE_MAX;
	/* What is behind its head is of no interest, however much it is. */
	return p->enough ? err_set(err, MG_CANCELED, MG_CAUSE_NONE, "enough") : MG_OK;
}

static enum mg_code restart(void *arg, struct mg_err *err)
{
	struct page *p = arg;
	buf_clear(&p->bytes);
	return MG_OK;
}

/* "%" of user-info (RFC 3986 §3.2.1), for whatever a name or a password holds. */
static void append_escaped(struct mg_span s, struct mg_buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		const bool plain =
			(c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		if (plain)
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

enum mg_code gopage_put_login(const struct gopage_options *o, struct mg_span url,
			      const struct cancel *cancel, struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf login = BUF_MAX(LOGIN_MAX);
	const ptrdiff_t colon = span_find(url, SPAN("://"));
	MG_ASSERT(colon > 0);
	const size_t host = (size_t)colon + 3;
	enum mg_code rc = credential_login(o->credential, url, cancel, &login, err);
	buf_append(out, span_first(url, host));
	if (rc == MG_OK && login.n > 0) {
		struct mg_span word = buf_span(&login), name = span_cut(&word, ':');
		append_escaped(name, out);
		buf_append_char(out, ':');
		append_escaped(word, out);
		buf_append_char(out, '@');
	}
	buf_append(out, span_from(url, host));
	secretfile_forget(&login);
	return rc;
}

/* scheme "://" path ["/"] "?go-get=1" */
static enum mg_code put_url(const struct gopage_options *o, const char *scheme, struct mg_span path,
			    const struct cancel *cancel, struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf plain = BUF_MAX(URL_MAX);
	const bool bare = span_index(path, '/') < 0;
	buf_printf(&plain, "%s://%.*s%s", scheme, SPAN_ARG(path), bare ? "/" : "");
	enum mg_code rc = buf_failed(&plain)
				  ? err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "the path is too long")
				  : gopage_put_login(o, buf_span(&plain), cancel, out, err);
	buf_append_str(out, "?go-get=1");
	buf_deinit(&plain);
	return rc;
}

static enum mg_code judge_status(int status, struct mg_span host, struct mg_err *err)
{
	const enum mg_code code = status == 401 || status == 403   ? MG_DENIED
				  : status == 429 || status >= 500 ? MG_UNAVAILABLE
								   : MG_NOT_FOUND;
	const enum mg_cause cause = code == MG_DENIED        ? MG_CAUSE_AUTH
				    : code == MG_UNAVAILABLE ? MG_CAUSE_UPSTREAM
							     : MG_CAUSE_VCS;
	return err_set(err, code, cause,
		       "%.*s answered %d to the question for its go-import page%s", SPAN_ARG(host),
		       status,
		       code == MG_DENIED ? "; a login for it can be set in vcs.credentials" : "");
}

/* Out of the arena that they were read into, which has much else. */
static enum mg_code keep(const struct goimport_page *read, struct arena *a,
			 struct goimport_page *out, struct mg_err *err)
{
	size_t total = 0;
	for (size_t i = 0; i < read->n; i++) {
		const struct goimport_tag *t = &read->tags[i];
		total += sizeof *t + t->prefix.n + t->vcs.n + t->url.n + t->subdir.n;
	}
	if (total > TAGS_MAX)
		return err_set(err, MG_INVALID, MG_CAUSE_VCS, "its tags take more than 128 KiB");
	*out = (struct goimport_page){ .n = read->n, .ended = read->ended };
	out->tags = arena_alloc(a, (read->n + 1) * sizeof *out->tags);
	for (size_t i = 0; i < read->n; i++) {
		const struct goimport_tag *t = &read->tags[i];
		out->tags[i] = (struct goimport_tag){ .prefix = arena_dup(a, t->prefix),
						      .vcs = arena_dup(a, t->vcs),
						      .url = arena_dup(a, t->url),
						      .subdir = arena_dup(a, t->subdir) };
	}
	return MG_OK;
}

static enum mg_code judge(struct mg_span bytes, bool cut, int status, struct mg_span host,
			  struct arena *a, struct goimport_page *out, struct mg_err *err)
{
	struct arena scratch = ARENA_INIT;
	struct goimport_page read;
	enum mg_code rc = goimport_parse(bytes, &scratch, &read, err);
	if (cut && !read.ended)
		rc = err_set(err, MG_INVALID, MG_CAUSE_VCS, "its head is larger than 1 MiB");
	else if (rc == MG_OK)
		rc = keep(&read, a, out, err);
	if (read.n == 0 && status != 200)
		rc = judge_status(status, host, err);
	else if (rc != MG_OK)
		err_wrap(err, "the go-import page of %.*s", SPAN_ARG(host));
	arena_deinit(&scratch);
	return rc;
}

static enum mg_code fetch(const struct gopage_options *o, const char *scheme, bool insecure,
			  struct mg_span path, const struct cancel *cancel, struct arena *a,
			  struct goimport_page *out, struct mg_err *err)
{
	struct page page = { .bytes = BUF_MAX(GOPAGE_MAX) };
	struct upstream_answer answer = { .text = BUF_MAX(GOPAGE_MAX) };
	struct mg_buf url = BUF_MAX(URL_MAX + 4 * LOGIN_MAX);
	struct mg_span rest = path, host = span_cut(&rest, '/');
	*out = (struct goimport_page){ .n = 0 };
	enum mg_code rc = put_url(o, scheme, path, cancel, &url, err);
	if (rc == MG_OK) {
		char *origin = arena_printf(a, "%s://%.*s", scheme, SPAN_ARG(host));
		const struct upstream_request rq = {
			.url = buf_span(&url),
			.reach = gopage_reach(o, path, span_of(origin)),
			.insecure = insecure,
			.max_bytes = UINT64_MAX,
			.sink = { .write = take, .restart = restart, .arg = &page },
			.cancel = cancel,
		};
		rc = upstream_get(o->upstream, &rq, &answer, err);
		if (page.enough) rc = MG_OK;
	}
	const bool sunk = page.enough || answer.status == 200;
	if (rc == MG_OK)
		rc = judge(buf_span(sunk ? &page.bytes : &answer.text), page.enough,
			   sunk ? 200 : answer.status, host, a, out, err);
	secretfile_forget(&url);
	buf_deinit(&page.bytes);
	buf_deinit(&answer.text);
	return rc;
}

enum mg_code gopage_fetch(const struct gopage_options *o, struct mg_span path,
			  const struct cancel *cancel, struct arena *a, struct goimport_page *out,
			  struct mg_err *err)
{
	struct mg_span rest = path, host = span_cut(&rest, '/');
	if (span_index(host, '.') < 0)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "the path does not begin with a host");
	const bool insecure = gopage_is_insecure(o, path);
	enum mg_code rc = fetch(o, "https", insecure, path, cancel, a, out, err);
	if (!insecure || (rc == MG_OK && out->n > 0) || cancel_is_set(cancel)) return rc;
	return fetch(o, "http", true, path, cancel, a, out, err);
}
