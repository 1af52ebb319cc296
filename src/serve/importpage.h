/* SPDX-License-Identifier: Apache-2.0 */
/* go-import pages of our own: for import paths of a vanity host they tell the go command where the repository
 * is (go.dev/ref/mod#vcs-find). No I/O; any thread. */
#ifndef SERVE_IMPORTPAGE_H
#define SERVE_IMPORTPAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* "PATTERN KIND URL [SUBDIR]". PATTERN is what the repository, or the proxy, stands for: an import path some
 * elements of which may be "*". Each "*" of URL and SUBDIR is filled with what the one in its turn stands for. */
struct importpage {
	struct mg_span pattern, kind, url, subdir;
};

/* Spans point into text. MG_INVALID says what is wrong. */
MG_CHECK enum mg_code importpage_parse(struct mg_span text, struct importpage *out,
				       struct mg_err *err);
/* The page for host ("go.corp.example:443") and the URL path of a ?go-get=1, by the first rule that has it as its
 * repository or as something in it. False: none has, or it is no import path. */
bool importpage_find(const struct importpage *rules, size_t n, struct mg_span host,
		     struct mg_span path, struct mg_buf *out);

#endif
