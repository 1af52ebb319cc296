/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/githubapp.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/list.h"
#include "base/map.h"
#include "crypto/rsasign.h"
#include "crypto/secretfile.h"
#include "crypto/wipe.h"
#include "gomod/rfc3339.h"
#include "text/json.h"

#define JWT_MAX     4096u
#define ANSWER_MAX  (64u << 10)
#define TOKEN_MAX   1024u
#define EARLY_S     300 /* a token is not begun to be used when it ends so soon */
#define BACKDATED_S 60  /* their clock may be behind ours */
#define LIFE_S      540

struct held {
	struct map_node node;
	char token[TOKEN_MAX + 1];
	int64_t end_s;
	char key[]; /* node's */
};

struct githubapp {
	struct upstream *upstream;
	pthread_mutex_t mutex; /* held while a token is fetched: the others want the same one */
	struct map held;
};

struct githubapp *githubapp_new(struct upstream *u)
{
	struct githubapp *g = check_calloc(1, sizeof *g);
	g->upstream = u;
	pthread_mutex_init(&g->mutex, NULL);
	return g;
}

static void free_held(struct map_node *node, void *arg)
{
	struct githubapp *g = arg;
	struct held *h = LIST_OWNER(node, struct held, node);
	map_remove(&g->held, node);
	wipe_bytes(h->token, sizeof h->token);
	free(h);
}

void githubapp_free(struct githubapp **gp)
{
	struct githubapp *g = *gp;
	if (g == NULL) return;
	map_each(&g->held, free_held, g);
	map_deinit(&g->held);
	pthread_mutex_destroy(&g->mutex);
	free(g);
	*gp = NULL;
}

/* base64url without padding (RFC 7515 §2) of what stands in raw. */
static void append_base64url(struct mg_span raw, struct mg_buf *out)
{
	const size_t from = out->n;
	hex_base64_encode(raw, out);
	if (buf_failed(out)) return;
	for (size_t i = from; i < out->n; i++) {
		if (out->p[i] == '+') out->p[i] = '-';
		if (out->p[i] == '/') out->p[i] = '_';
	}
	while (out->n > from && out->p[out->n - 1] == '=')
		out->n--;
}

enum mg_code githubapp_jwt(struct mg_span app, struct mg_span key_pem, int64_t now_s,
			   struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf claims = BUF_MAX(512), signature = BUF_MAX(2048), token = BUF_MAX(JWT_MAX);
	buf_printf(&claims, "{\"iat\":%lld,\"exp\":%lld,\"iss\":", (long long)now_s - BACKDATED_S,
		   (long long)now_s + LIFE_S);
	json_quote(app, &claims);
	buf_append_char(&claims, '}');
	append_base64url(SPAN("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"), &token);
	buf_append_char(&token, '.');
	append_base64url(buf_span(&claims), &token);
	enum mg_code rc = rsasign_sha256(key_pem, buf_span(&token), &signature, err);
	buf_append_char(&token, '.');
	append_base64url(buf_span(&signature), &token);
	if (rc == MG_OK && buf_failed(&token))
		rc = err_set(err, MG_INVALID, MG_CAUSE_AUTH, "the App's number is too long");
	if (rc == MG_OK) buf_append(out, buf_span(&token));
	buf_deinit(&claims);
	buf_deinit(&signature);
	secretfile_forget(&token);
	return rc;
}

bool githubapp_read(const struct json *json, struct mg_span *token, int64_t *end_s)
{
	struct mg_span end;
	if (!json_as_string(json_member(json, "token"), token) ||
	    !json_as_string(json_member(json, "expires_at"), &end) || !rfc3339_parse(end, end_s))
		return false;
	/* It goes into the field of a request. */
	for (size_t i = 0; i < token->n; i++)
		if (token->p[i] <= ' ' || token->p[i] > '~') return false;
	return token->n > 0 && token->n <= TOKEN_MAX;
}

static enum mg_code no_body(void *arg, struct mg_span bytes, struct mg_err *err)
{
	return buf_append(arg, bytes) ? MG_OK
				      : err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM, "too long");
}

static enum mg_code restart(void *arg, struct mg_err *err)
{
	buf_clear(arg);
	return MG_OK;
}

static enum mg_code take_answer(struct held *h, int status, struct mg_span text, struct mg_err *err)
{
	struct json *json = NULL;
	struct mg_span token;
	if (status != 200 && status != 201)
		return err_set(err, status >= 500 ? MG_UNAVAILABLE : MG_DENIED, MG_CAUSE_AUTH,
			       "asked for a token of the App's installation, it answered %d",
			       status);
	bool good =
		json_parse(text, &json, NULL) == MG_OK && githubapp_read(json, &token, &h->end_s);
	if (good) {
		memcpy(h->token, token.p, token.n);
		h->token[token.n] = '\0';
	}
	json_free(&json);
	return good ? MG_OK
		    : err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH,
			      "asked for a token of the App's installation, it answered without "
			      "one");
}

/* POST API/app/installations/NUMBER/access_tokens */
static enum mg_code exchange(struct githubapp *g, const struct githubapp_installation *i,
			     struct mg_span jwt, const struct cancel *cancel, struct held *h,
			     struct mg_err *err)
{
	struct mg_buf url = BUF_MAX(4096), body = BUF_MAX(ANSWER_MAX);
	struct upstream_answer answer = { .text = BUF_MAX(ANSWER_MAX) };
	const bool is_cloud = span_eq(i->origin, SPAN("https://github.com"));
	buf_printf(&url, "%.*s/app/installations/%.*s/access_tokens",
		   SPAN_ARG(is_cloud ? SPAN("https://api.github.com") : i->origin),
		   SPAN_ARG(i->number));
	if (!is_cloud) {
		buf_clear(&url);
		buf_printf(&url, "%.*s/api/v3/app/installations/%.*s/access_tokens",
			   SPAN_ARG(i->origin), SPAN_ARG(i->number));
	}
	const struct upstream_request rq = {
		.url = buf_span(&url),
		.bearer = jwt,
		.post = true,
		.reach = REACH_ANYWHERE, /* the operator has named it */
		.max_bytes = ANSWER_MAX,
		.sink = { .write = no_body, .restart = restart, .arg = &body },
		.cancel = cancel,
	};
	enum mg_code rc =
		buf_failed(&url) ? err_set(err, MG_INVALID, MG_CAUSE_AUTH, "its origin is too long")
				 : upstream_get(g->upstream, &rq, &answer, err);
	if (rc == MG_OK)
		rc = take_answer(h, answer.status,
				 buf_span(answer.status == 200 ? &body : &answer.text), err);
	secretfile_forget(&body);
	secretfile_forget(&answer.text);
	buf_deinit(&url);
	return rc;
}

static enum mg_code renew(struct githubapp *g, const struct githubapp_installation *i,
			  const struct cancel *cancel, struct held *h, struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(SECRETFILE_MAX + 1), jwt = BUF_MAX(JWT_MAX);
	enum mg_code rc = secretfile_read(i->key_file, &key, err);
	if (rc == MG_OK) {
		rc = githubapp_jwt(i->app, buf_span(&key), clock_wall_s(), &jwt, err);
		if (rc != MG_OK) {
			err_wrap(err, "%s", i->key_file);
			rc = MG_UNAVAILABLE;
			err->code = rc;
		}
	}
	if (rc == MG_OK) {
		rc = exchange(g, i, buf_span(&jwt), cancel, h, err);
		if (rc != MG_OK) err_wrap(err, "%.*s", SPAN_ARG(i->origin));
	}
	secretfile_forget(&key);
	secretfile_forget(&jwt);
	return rc;
}

static struct held *held_for(struct githubapp *g, const struct githubapp_installation *i)
{
	struct mg_buf key = BUF_MAX(8192);
	buf_printf(&key, "%.*s %.*s %.*s %s", SPAN_ARG(i->origin), SPAN_ARG(i->app),
		   SPAN_ARG(i->number), i->key_file);
	MG_ASSERT(!buf_failed(&key));
	struct map_node *node = map_get(&g->held, buf_span(&key));
	struct held *h = node != NULL ? LIST_OWNER(node, struct held, node) : NULL;
	if (h == NULL) {
		h = check_calloc(1, sizeof *h + key.n);
		memcpy(h->key, key.p, key.n);
		h->node.key = span_make(h->key, key.n);
		map_put(&g->held, &h->node);
	}
	buf_deinit(&key);
	return h;
}

enum mg_code githubapp_token(struct githubapp *g, const struct githubapp_installation *i,
			     const struct cancel *cancel, struct mg_buf *out, struct mg_err *err)
{
	enum mg_code rc = MG_OK;
	pthread_mutex_lock(&g->mutex);
	struct held *h = held_for(g, i);
	if (h->end_s < clock_wall_s() + EARLY_S) rc = renew(g, i, cancel, h, err);
	if (rc == MG_OK) buf_append_str(out, h->token);
	pthread_mutex_unlock(&g->mutex);
	return rc;
}
