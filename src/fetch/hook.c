/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/hook.h"

#include "base/hex.h"
#include "crypto/hmac.h"
#include "text/json.h"

static const char *const names[HOOK_KINDS] = {
	[HOOK_GITHUB] = "github",
	[HOOK_GITLAB] = "gitlab",
	[HOOK_GITEA] = "gitea",
};

const char *hook_kind_name(enum hook_kind kind)
{
	return names[kind];
}

bool hook_kind_of(struct mg_span name, enum hook_kind *out)
{
	for (int i = 0; i < HOOK_KINDS; i++) {
		if (!span_eq(name, span_of(names[i]))) continue;
		*out = (enum hook_kind)i;
		return true;
	}
	return false;
}

bool hook_is_signed(enum hook_kind kind, struct mg_span secret, struct mg_span signature,
		    struct mg_span body)
{
	const struct mg_span prefix = SPAN("sha256=");
	uint8_t right[SHA256_SIZE];
	char text[2 * SHA256_SIZE];
	if (secret.n == 0) return false;
	if (kind == HOOK_GITLAB) return hmac_equal(signature, secret);
	/* Gitea sends both fields, and GitHub's comes first or last. */
	if (span_has_prefix(signature, prefix))
		signature = span_from(signature, prefix.n);
	else if (kind == HOOK_GITHUB)
		return false;
	hmac_sha256(secret, body, right);
	hex_encode(right, sizeof right, text);
	return hmac_equal(signature, span_make(text, sizeof text));
}

/* GitHub and Gitea: repository; GitLab: project, and fewer in repository. */
static const struct {
	const char *object, *member;
} places[] = {
	{ "repository", "clone_url" },   { "repository", "ssh_url" },
	{ "repository", "html_url" },    { "repository", "git_http_url" },
	{ "repository", "git_ssh_url" }, { "repository", "homepage" },
	{ "project", "git_http_url" },   { "project", "git_ssh_url" },
	{ "project", "web_url" },
};
#define PLACES (sizeof places / sizeof places[0])
_Static_assert(PLACES <= HOOK_ADDRESSES_MAX, "room for all");

enum mg_code hook_addresses(struct mg_span body, struct arena *a,
			    struct mg_span out[HOOK_ADDRESSES_MAX], size_t *n, struct mg_err *err)
{
	struct json *root = NULL;
	struct mg_err why;
	*n = 0;
	if (json_parse(body, &root, &why) != MG_OK)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "the body is no JSON (is the hook's content type "
			       "application/json?): %s",
			       why.text);
	for (size_t i = 0; i < PLACES; i++) {
		struct mg_span address;
		if (json_as_string(
			    json_member(json_member(root, places[i].object), places[i].member),
			    &address) &&
		    address.n > 0)
			out[(*n)++] = arena_dup(a, address);
	}
	json_free(&root);
	if (*n > 0) return MG_OK;
	return err_set(err, MG_INVALID, MG_CAUSE_NONE,
		       "the body tells of no repository (repository.clone_url, "
		       "project.git_http_url, …)");
}
