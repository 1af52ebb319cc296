/* SPDX-License-Identifier: Apache-2.0 */
/* Where a repository at an http(s) URL has moved to. git itself follows no redirects here, so that logins go nowhere
 * else, and neither does a connection. Any thread; blocks on the network. */
#ifndef VCS_MOVED_H
#define VCS_MOVED_H

#include "vcs/gopage.h"
#include "vcs/vcs.h"

struct moved;

/* Answers are shared by those who ask meanwhile and remembered for found_ms, for all paths in the repository
 * (loop/share.h). options stay the caller's. */
struct moved *moved_new(const struct gopage_options *options, uint32_t found_ms);
void moved_free(struct moved **m); /* no call may be running */
/* Asks the repository the first thing that git asks, and follows its redirects, each with the reach and nobody
 * but the first with the login. Sets out->at, its URL at their end, out->pins, "HOST:PORT:ADDRESS" of who answered
 * there, empty behind a proxy, both in the arena, and out->hash_n. MG_NOT_FOUND: there is none; so it is when a host in public reach wants a login and
 * has no page at the URL. Fails when nobody answers, out of reach, or where redirects lead to no repository. */
MG_CHECK enum mg_code moved_find(struct moved *m, struct mg_span from, enum reach reach,
				 bool insecure, const struct cancel *cancel, struct arena *a,
				 struct vcs_place *out, struct mg_err *err);

#endif
