/* SPDX-License-Identifier: Apache-2.0 */
/* What opens repositories: which secret belongs to which host, and how git and our own requests are told.
 * A secret is bound to scheme, host and port and given to nobody else. It is in no command line and no URL that
 * anybody sees: git gets it by its environment (GIT_CONFIG_KEY_n), where it applies to one origin.
 *
 * The file of credentials holds no secrets but says where they are; one line each, "#" begins a comment:
 *
 *     https://git.corp              token FILE             password, with any name ("oauth2")
 *     https://git.corp:8443         basic NAME FILE
 *     https://github.com            github-app APP INSTALLATION KEYFILE
 *     ssh://git.corp:2222           key FILE
 *
 * Names of files are relative to its folder. It, the files it names and netrc are read anew for each use
 * (secretfile.h). What it says goes before netrc. Any thread. */
#ifndef VCS_CREDENTIAL_H
#define VCS_CREDENTIAL_H

#include "base/arena.h"
#include "base/err.h"
#include "loop/cancel.h"
#include "upstream/upstream.h"

struct credential;

/* Strings stay the caller's and are used until credential_free; NULL: none. */
struct credential_options {
	const char *file;
	const char *netrc;
	const char *known_hosts; /* without it nothing is fetched over ssh */
	const char *ca_file;     /* PEM bundle that git believes instead of its own */
};

struct credential *credential_new(const struct credential_options *options, struct upstream *u);
void credential_free(struct credential **c);

/* The user-info for the URL's origin, "name:password" in *out, empty: there is none. Wiped by
 * secretfile_forget. Only https, and http that a line names. MG_INVALID, MG_UNAVAILABLE or MG_DENIED with the file and
 * what is wrong. */
MG_CHECK enum mg_code credential_login(struct credential *c, struct mg_span url,
				       const struct cancel *cancel, struct mg_buf *out,
				       struct mg_err *err);
/* The environment that git gets to reach url: "NAME=value" up to a NULL, in the arena, whose memory is the
 * caller's to forget soon. Fails as credential_login; MG_UNAVAILABLE (cause auth) for ssh without a key or known hosts. */
MG_CHECK enum mg_code credential_env(struct credential *c, struct mg_span url,
				     const struct cancel *cancel, struct arena *a,
				     char *const **env, struct mg_err *err);
/* Has the operator named the origin of url in the file? False when it cannot be read. */
bool credential_names(struct credential *c, struct mg_span url);
/* Is the file of credentials there, for our eyes alone, and well formed? MG_INVALID with its name, line and reason,
 * MG_UNAVAILABLE as secretfile_read. tell hears of each line whose secret could not be used now, and why: the other
 * hosts are not concerned. known_hosts: NULL, none. */
MG_CHECK enum mg_code credential_check(const char *file, const char *known_hosts,
				       void (*tell)(void *arg, const struct mg_err *err), void *arg,
				       struct mg_err *err);

#endif
