/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks: a git server tells of a push. Is it the one that knows our secret, and which repository does it
 * mean? No I/O; any thread. */
#ifndef FETCH_HOOK_H
#define FETCH_HOOK_H

#include "base/arena.h"
#include "base/err.h"

/* What a server of this kind signs with, and where: X-Hub-Signature-256: "sha256=" and the HMAC-SHA-256 of the body
 * in hexadecimal; X-Gitlab-Token: the secret itself; X-Gitea-Signature: the HMAC alone. */
enum hook_kind {
	HOOK_GITHUB,
	HOOK_GITLAB,
	HOOK_GITEA
};
#define HOOK_KINDS      (HOOK_GITEA + 1)
#define HOOK_BODY_MAX   (1u << 20)
#define HOOK_SECRET_MAX 1024

const char *hook_kind_name(enum hook_kind kind); /* "github", … */
bool hook_kind_of(struct mg_span name, enum hook_kind *out);
/* In constant time. An empty secret has signed nothing. */
bool hook_is_signed(enum hook_kind kind, struct mg_span secret, struct mg_span signature,
		    struct mg_span body);

#define HOOK_ADDRESSES_MAX 12
/* The addresses of the repository that the body (JSON) tells of; they live in a. MG_INVALID: it tells of none. */
MG_CHECK enum mg_code hook_addresses(struct mg_span body, struct arena *a,
				     struct mg_span out[HOOK_ADDRESSES_MAX], size_t *n,
				     struct mg_err *err);

#endif
