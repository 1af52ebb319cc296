/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/smarthttp.h"

#include "base/check.h"
#include "base/clock.h"
#include "crypto/secretfile.h"

#define URL_MAX    (64u << 10)
#define ASK_MAX    (256u << 10)
#define ANSWER_MAX 4096u /* of an answer that is none */

static enum mg_code of_repository(const struct smarthttp *s, struct mg_err *err)
{
	return err_wrap(err, "git repository %.*s", SPAN_ARG(span_first(s->url, 300)));
}

/* Any status but 200, in the words that git's own refusals get (gitfault.c). An absence is proven by the first
 * question alone. */
static enum mg_code judge_status(const struct smarthttp *s, bool first, int status,
				 struct mg_err *err)
{
	const bool known = !span_eq(s->url, s->login);
	enum mg_code code = MG_UNAVAILABLE;
	enum mg_cause cause = MG_CAUSE_UPSTREAM;
	const char *why = "it has moved elsewhere";
	if (status == 401 || status == 403) {
		code = MG_DENIED;
		cause = MG_CAUSE_AUTH;
		why = status == 403 ? "it withholds the repository"
		      : known       ? "it does not accept the login"
				    : "it does not exist, or wants a login that is not configured";
	} else if (first && (status == 404 || status == 410)) {
		code = MG_NOT_FOUND;
		cause = MG_CAUSE_VCS;
		why = "there is no such repository";
	} else if (status < 300 || status >= 400) {
		if (status == 404 || status == 410) cause = MG_CAUSE_HTTP;
		err_set(err, code, cause, "it answered %d", status);
		return of_repository(s, err);
	}
	err_set(err, code, cause, "%s", why);
	return of_repository(s, err);
}

/* What comes, until it is too late. */
struct answer {
	const struct smarthttp *s;
	enum mg_code (*take)(void *arg, struct mg_span bytes, struct mg_err *err);
	void *arg;
	bool began;
};

static enum mg_code take(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct answer *a = arg;
	a->began = true;
	if (clock_mono_ms() > a->s->until_ms)
		return err_set(err, MG_TIMEOUT, MG_CAUSE_VCS, "its answer takes too long");
	return a->take(a->arg, bytes, err);
}

/* What has been read of an answer cannot be taken back. */
static enum mg_code restart(void *arg, struct mg_err *err)
{
	const struct answer *a = arg;
	if (!a->began) return MG_OK;
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_HTTP, "its answer was cut");
}

static enum mg_code request(const struct smarthttp *s, const char *below,
			    struct upstream_request *rq, struct answer *a, struct mg_err *err)
{
	struct mg_buf url = BUF_MAX(URL_MAX);
	struct upstream_answer answer = { .text = BUF_MAX(ANSWER_MAX) };
	struct mg_span base = s->login;
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_append(&url, base);
	buf_append_str(&url, below);
	enum mg_code rc = MG_OK;
	if (buf_failed(&url)) rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "its URL is too long");
	if (rc == MG_OK) {
		rq->url = buf_span(&url);
		rq->reach = s->reach;
		rq->stay = true;
		rq->sink = (struct upstream_sink){ .write = take, .restart = restart, .arg = a };
		rq->cancel = s->cancel;
		rc = upstream_get(s->upstream, rq, &answer, err);
	}
	if (rc != MG_OK && rc != MG_CANCELED) of_repository(s, err);
	if (rc == MG_OK && answer.status != 200)
		rc = judge_status(s, !rq->post, answer.status, err);
	secretfile_forget(&url);
	buf_deinit(&answer.text);
	return rc;
}

static enum mg_code keep(void *arg, struct mg_span bytes, struct mg_err *err)
{
	struct mg_buf *greeting = arg;
	if (!buf_failed(greeting)) buf_append(greeting, bytes);
	/* No server of version 2 says so much. */
	return buf_failed(greeting)
		       ? err_set(err, MG_CORRUPT, MG_CAUSE_HTTP, "its greeting is too long")
		       : MG_OK;
}

enum mg_code smarthttp_greet(const struct smarthttp *s, size_t *hash_n, struct mg_err *err)
{
	struct mg_buf greeting = BUF_MAX(SMARTHTTP_GREETING_MAX);
	struct answer a = { .s = s, .take = keep, .arg = &greeting };
	struct upstream_request rq = { .max_bytes = UINT64_MAX, .fields = { SMARTHTTP_FIELD } };
	enum mg_code rc = request(s, SMARTHTTP_REFS, &rq, &a, err);
	if (buf_failed(&greeting)) rc = MG_OK;
	*hash_n = rc == MG_OK ? protocol2_greeting(buf_span(&greeting)) : 0;
	buf_deinit(&greeting);
	return rc;
}

static enum mg_code feed(void *arg, struct mg_span bytes, struct mg_err *err)
{
	return pktline_feed(arg, bytes, err);
}

/* A question, and an answer in packets. */
static enum mg_code converse(const struct smarthttp *s, struct mg_buf *question, uint64_t max,
			     struct pktline *packets, const bool *ended, struct mg_err *err)
{
	struct answer a = { .s = s, .take = feed, .arg = packets };
	struct upstream_request rq = {
		.post = true,
		.body = buf_span(question),
		.max_bytes = max,
		.fields = { SMARTHTTP_FIELD, "Content-Type: application/x-git-upload-pack-request",
			    "Accept: application/x-git-upload-pack-result" },
	};
	if (buf_failed(question)) {
		err_set(err, MG_UNAVAILABLE, MG_CAUSE_HTTP, "too much to be asked at once");
		return of_repository(s, err);
	}
	const enum mg_code rc = request(s, "/git-upload-pack", &rq, &a, err);
	if (rc != MG_OK || *ended) return rc;
	err_set(err, MG_UNAVAILABLE, MG_CAUSE_HTTP, "its answer was cut");
	return of_repository(s, err);
}

enum mg_code smarthttp_refs(const struct smarthttp *s, size_t hash_n, struct mg_buf *out,
			    struct mg_err *err)
{
	struct mg_buf question = BUF_MAX(ASK_MAX);
	struct protocol2_refs refs = { .out = out };
	struct pktline packets;
	pktline_init(&packets, protocol2_take_refs, &refs);
	protocol2_ask_refs(&question, hash_n);
	const enum mg_code rc =
		converse(s, &question, 2 * (uint64_t)out->max, &packets, &refs.ended, err);
	pktline_deinit(&packets);
	buf_deinit(&question);
	return rc;
}

enum mg_code smarthttp_pack(const struct smarthttp *s, const struct protocol2_want *want,
			    uint64_t max, struct protocol2_pack *pack, struct mg_err *err)
{
	struct mg_buf question = BUF_MAX(ASK_MAX);
	struct pktline packets;
	pktline_init(&packets, protocol2_take_pack, pack);
	protocol2_ask_commit(&question, want);
	const enum mg_code rc = converse(s, &question, max, &packets, &pack->ended, err);
	pktline_deinit(&packets);
	buf_deinit(&question);
	return rc;
}
