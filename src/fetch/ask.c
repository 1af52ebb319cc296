/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ask.h"

#include "fetch/ahead.h"
#include "fetch/origin.h"
#include "gomod/pattern.h"

#define URL_MAX    16384
#define REASON_MAX 512
/* How much of a proxy's reason is worth repeating. */
#define QUOTE_MAX 160

static enum mg_code write_memory(void *arg, struct mg_span bytes, struct mg_err *err)
{
	if (buf_append(arg, bytes)) return MG_OK;
	return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM, "the answer is too long");
}

static enum mg_code restart_memory(void *arg, struct mg_err *err)
{
	buf_clear(arg);
	return MG_OK;
}

/* The first line of a plain text reason; of HTML and the like, nothing (protocol §1.9). */
static struct mg_span reason_of(const struct upstream_answer *a)
{
	if (!span_has_prefix(span_of(a->content_type), SPAN("text/plain"))) return SPAN("");
	struct mg_span rest = span_trim(buf_span(&a->text));
	return span_first(span_trim(span_cut(&rest, '\n')), QUOTE_MAX);
}

const char *ask_name(const char *origin)
{
	return strncmp(origin, "file:", 5) == 0 ? "the module tree" : origin;
}

static enum mg_code code_of(int status, enum mg_cause *cause)
{
	*cause = MG_CAUSE_UPSTREAM;
	switch (status) {
	case 404:
	case 410:
		return MG_NOT_FOUND;
	case 401:
	case 403:
	case 451:
		return MG_DENIED;
	case 407:
		*cause = MG_CAUSE_AUTH;
		return MG_UNAVAILABLE;
	default:
		return MG_UNAVAILABLE;
	}
}

static enum mg_code refusal(const struct upstream_answer *a, struct mg_span url, struct mg_err *err)
{
	enum mg_cause cause;
	const enum mg_code code = code_of(a->status, &cause);
	struct mg_buf where = BUF_MAX(URL_MAX);
	upstream_redact(url, &where);
	const struct mg_span reason = reason_of(a);
	err_set(err, code, cause, "%.180s answered %d%s%.*s", ask_name(buf_cstr(&where)), a->status,
		reason.n > 0 ? ": " : "", SPAN_ARG(reason));
	err->retry_after_s = a->retry_after_s;
	buf_deinit(&where);
	return code;
}

/* Whom a page has named is asked within the reach of the module it was asked about. */
static enum reach reach_of(const struct job *j, const struct proxylist_entry *proxy)
{
	const struct mg_span private = span_of(j->means->options->private);
	if (!proxy->found) return REACH_ANYWHERE;
	return pattern_match(private, j->target.path) ? REACH_INSIDE : REACH_PUBLIC;
}

enum mg_code ask_url(const struct job *j, const struct proxylist_entry *proxy, struct mg_span url,
		     uint64_t max_bytes, const struct upstream_sink *sink, bool *framed,
		     struct mg_err *err)
{
	struct upstream_answer answer = { .text = BUF_MAX(REASON_MAX) };
	if (framed != NULL) *framed = false;
	if (j->guess && !ahead_spend(j->purse))
		return err_set(err, MG_CANCELED, MG_CAUSE_NONE,
			       "nobody has asked for it, and it is not worth another request");
	atomic_fetch_add_explicit(j->requests, 1, memory_order_relaxed);
	enum mg_code rc = upstream_get(j->means->upstream,
				       &(struct upstream_request){
					       .url = url,
					       .root = proxy->url,
					       .max_bytes = max_bytes,
					       .sink = *sink,
					       .cancel = j->cancel,
					       .via = j->via,
					       .reach = reach_of(j, proxy),
				       },
				       &answer, err);
	if (rc == MG_OK && answer.status != 200) rc = refusal(&answer, url, err);
	if (framed != NULL) *framed = answer.framed;
	buf_deinit(&answer.text);
	return rc;
}

static enum mg_code ask_into(const struct job *j, const struct proxylist_entry *proxy,
			     struct mg_span url, struct mg_buf *out, struct mg_err *err)
{
	const struct upstream_sink sink = { .write = write_memory,
					    .restart = restart_memory,
					    .arg = out };
	buf_clear(out);
	return ask_url(j, proxy, url, out->max, &sink, NULL, err);
}

enum mg_code ask_path(const struct job *j, const struct proxylist_entry *proxy, struct mg_span path,
		      struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf url = BUF_MAX(URL_MAX);
	buf_append(&url, proxy->url);
	buf_append(&url, path);
	buf_append(&url, proxy->query);
	const enum mg_code rc = ask_into(j, proxy, buf_span(&url), out, err);
	buf_deinit(&url);
	return rc;
}

enum mg_code ask_target(const struct job *j, const struct proxylist_entry *proxy,
			const struct target *t, struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf url = BUF_MAX(URL_MAX);
	origin_url(proxy, t, &url);
	const enum mg_code rc = ask_into(j, proxy, buf_span(&url), out, err);
	buf_deinit(&url);
	return rc;
}
