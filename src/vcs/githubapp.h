/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a GitHub App's installations: a token signed with the App's key is exchanged for one that opens
 * repositories for an hour, which is kept until it nears its end. Any thread; blocks on the network. */
#ifndef VCS_GITHUBAPP_H
#define VCS_GITHUBAPP_H

#include "base/buf.h"
#include "base/err.h"
#include "loop/cancel.h"
#include "upstream/upstream.h"

struct githubapp;

/* One installation, as the operator names it. */
struct githubapp_installation {
	struct mg_span origin; /* "https://host[:port]" of the forge */
	struct mg_span app, number;
	const char *key_file; /* PEM; read when a token is asked for */
};

struct githubapp *githubapp_new(struct upstream *u);
void githubapp_free(struct githubapp **g);
/* Appends the token. MG_UNAVAILABLE or MG_DENIED (cause auth) with what is wrong and whose fault it is. */
MG_CHECK enum mg_code githubapp_token(struct githubapp *g, const struct githubapp_installation *i,
				      const struct cancel *cancel, struct mg_buf *out,
				      struct mg_err *err);
/* The token that asks for one (RFC 7519, RS256), valid from a minute before now_s for ten. */
MG_CHECK enum mg_code githubapp_jwt(struct mg_span app, struct mg_span key_pem, int64_t now_s,
				    struct mg_buf *out, struct mg_err *err);
/* The answer (JSON) to it: its token, a span of *json's, and its end. */
struct json;
bool githubapp_read(const struct json *json, struct mg_span *token, int64_t *end_s);

#endif
