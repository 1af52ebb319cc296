/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of a repository, as a go-import page or the operator names it, in parts. Stricter than RFC 3986,
 * because it ends on the command line of other programs: no passwords, no query, no fragment, no bytes that a
 * shell or a program's options give a meaning to where none is due. Pure functions, any thread. */
#ifndef GOMOD_REPOURL_H
#define GOMOD_REPOURL_H

#include "base/err.h"

/* Spans of the text; user and port may be empty. */
struct repourl {
	struct mg_span scheme; /* lower case, as it must stand there */
	struct mg_span user;   /* ssh and git+ssh only */
	struct mg_span host;   /* without brackets; lower case, as it must stand there */
	uint16_t port;         /* 0: the scheme's */
	struct mg_span path;   /* empty, or with its leading "/" */
};

/* scheme "://" [user "@"] host [":" port] ["/" path]. MG_INVALID with the reason, which repeats no user-info. */
MG_CHECK enum mg_code repourl_parse(struct mg_span text, struct repourl *out, struct mg_err *err);
/* The port in use: of https 443, http 80, ssh and git+ssh 22, git 9418; 0 for others. */
uint16_t repourl_port(const struct repourl *u);

#endif
