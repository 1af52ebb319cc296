/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a host for the go-import page of a path (protocol §3.2). Any thread; blocks on the network. */
#ifndef VCS_GOPAGE_H
#define VCS_GOPAGE_H

#include "gomod/goimport.h"
#include "loop/cancel.h"
#include "upstream/upstream.h"
#include "vcs/credential.h"

#define GOPAGE_MAX (1u << 20) /* of a page, to the end of its head */

struct gopage_options {
	struct upstream *upstream;
	struct credential
		*credential;        /* a host's own login is sent with the request for its page */
	const char *insecure_globs; /* GOINSECURE; NULL: none */
	const char *private_globs;  /* whose hosts may be inside the company; NULL: none */
};

/* The tags of the page, whatever its status. MG_NOT_FOUND: there is none and the host says that the path is none of
 * its; MG_INVALID: there is a page, but it cannot be read. Others as upstream_get; MG_DENIED (cause auth) for 401 and
 * 403. */
MG_CHECK enum mg_code gopage_fetch(const struct gopage_options *o, struct mg_span path,
				   const struct cancel *cancel, struct arena *a,
				   struct goimport_page *out, struct mg_err *err);
/* How far requests for the path, or for a repository found by it at url (may be empty), may go. */
enum reach gopage_reach(const struct gopage_options *o, struct mg_span path, struct mg_span url);
/* Appends the URL (scheme "://" host and more) with the login for its origin in it, for upstream_get, to whose
 * origin it is bound. The caller forgets it (secretfile_forget). */
MG_CHECK enum mg_code gopage_put_login(const struct gopage_options *o, struct mg_span url,
				       const struct cancel *cancel, struct mg_buf *out,
				       struct mg_err *err);
/* Is the path one for which certificates do not matter? */
bool gopage_is_insecure(const struct gopage_options *o, struct mg_span path);

#endif
