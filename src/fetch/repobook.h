/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers that change (lists, @latest, rev queries) came from which repository, since this process
 * began: what a push to that repository makes old. Any thread. */
#ifndef FETCH_REPOBOOK_H
#define FETCH_REPOBOOK_H

#include "gomod/target.h"

struct repobook;

struct repobook *repobook_new(void);
void repobook_free(struct repobook **b);

/* The name that all addresses of one repository have in common: "https://git.corp.example/team/x.git",
 * "ssh://git@git.corp.example:2222/team/x" and "git@git.corp.example:team/x.git" are
 * "git.corp.example/team/x". Empty: it is no such address. */
void repobook_name(struct mg_span url, struct mg_buf *out);

/* t, of kind LIST, LATEST or QUERY, was answered by the repository at url. Beyond REPOBOOK_MAX the oldest
 * are forgotten. */
#define REPOBOOK_MAX 65536
void repobook_note(struct repobook *b, struct mg_span url, const struct target *t);
/* What came from the repository at url; lives in a, as *out. */
size_t repobook_of_repository(struct repobook *b, struct mg_span url, struct arena *a,
			      struct target **out);
/* The rev queries of a module. */
size_t repobook_queries(struct repobook *b, struct mg_span path, struct arena *a,
			struct target **out);

#endif
