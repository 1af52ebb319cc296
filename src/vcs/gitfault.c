/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gitfault.h"

#define DIED 128 /* git's exit status for what is fatal; above it was killed */

static const struct meaning {
	const char *words;
	enum mg_code code;
	enum mg_cause cause;
	const char *says;
} meanings[] = {
	/* The mirror's own trouble first: it may come with any of the others. */
	{ "is corrupt", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "bad object", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "unable to read tree", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "cannot read object", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "does not match index", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "inflate: ", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "bad config", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "not a git repository: ", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "No space left on device", MG_UNAVAILABLE, MG_CAUSE_STORAGE, "the disk is full" },
	{ "File too large", MG_UNAVAILABLE, MG_CAUSE_STORAGE, "it is larger than may be fetched" },
	{ "Could not resolve", MG_UNAVAILABLE, MG_CAUSE_DNS, "its host name has no address" },
	{ "Name or service not known", MG_UNAVAILABLE, MG_CAUSE_DNS,
	  "its host name has no address" },
	{ "Authentication failed", MG_DENIED, MG_CAUSE_AUTH, "it does not accept the login" },
	{ "could not read Username", MG_DENIED, MG_CAUSE_AUTH,
	  "it does not exist, or wants a login that is not configured" },
	{ "could not read Password", MG_DENIED, MG_CAUSE_AUTH,
	  "it does not exist, or wants a login that is not configured" },
	{ "Permission denied (", MG_DENIED, MG_CAUSE_AUTH, "it does not accept the ssh key" },
	{ "Host key verification failed", MG_DENIED, MG_CAUSE_AUTH,
	  "its host key is not in the file of known hosts" },
	{ "returned error: 401", MG_DENIED, MG_CAUSE_AUTH, "it does not accept the login" },
	{ "returned error: 403", MG_DENIED, MG_CAUSE_AUTH, "it withholds the repository" },
	{ "returned error: 404", MG_NOT_FOUND, MG_CAUSE_VCS, "there is no such repository" },
	{ "returned error: 410", MG_NOT_FOUND, MG_CAUSE_VCS, "there is no such repository" },
	{ "epository not found", MG_NOT_FOUND, MG_CAUSE_VCS, "there is no such repository" },
	{ "' not found", MG_NOT_FOUND, MG_CAUSE_VCS, "there is no such repository" },
	{ "does not appear to be a git repository", MG_NOT_FOUND, MG_CAUSE_VCS,
	  "there is no such repository" },
	{ "returned error: 30", MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, "it has moved elsewhere" },
	{ "unable to update url base from redirection", MG_UNAVAILABLE, MG_CAUSE_UPSTREAM,
	  "it has moved elsewhere" },
	{ "returned error: ", MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, NULL },
	{ "SSL", MG_UNAVAILABLE, MG_CAUSE_TLS, NULL },
	{ "certificate", MG_UNAVAILABLE, MG_CAUSE_TLS, NULL },
	{ "gnutls", MG_UNAVAILABLE, MG_CAUSE_TLS, NULL },
	{ "imed out", MG_TIMEOUT, MG_CAUSE_CONNECT, "it does not answer" },
	{ "too slow", MG_TIMEOUT, MG_CAUSE_HTTP, "it is too slow" },
	{ "Failed to connect", MG_UNAVAILABLE, MG_CAUSE_CONNECT, "it cannot be connected to" },
	{ "Couldn't connect", MG_UNAVAILABLE, MG_CAUSE_CONNECT, "it cannot be connected to" },
	{ "Connection refused", MG_UNAVAILABLE, MG_CAUSE_CONNECT, "it cannot be connected to" },
	/* A commit that was asked for by its hash; it may be had by its name. */
	{ "unadvertised object", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "not our ref", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "hung up", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "RPC failed", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "early EOF", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "disconnect", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "Could not read from remote repository", MG_UNAVAILABLE, MG_CAUSE_CONNECT, NULL },
	{ "transport '", MG_DENIED, MG_CAUSE_POLICY,
	  "its address is of a kind that is not allowed" },
	{ "unable to find remote helper", MG_DENIED, MG_CAUSE_POLICY,
	  "its address is of a kind that is not allowed" },
};

/* The last line that says what was fatal, else the last one. */
static struct mg_span last_word(struct mg_span complaint)
{
	struct mg_span rest = complaint, last = { 0 }, fatal = { 0 };

	while (rest.p != NULL) {
		struct mg_span line = span_trim(span_cut(&rest, '\n'));
		if (line.n == 0) continue;
		last = line;
		if (span_has_prefix(line, SPAN("fatal: ")))
			fatal = span_from(line, 7);
		else if (span_has_prefix(line, SPAN("error: ")) && fatal.n == 0)
			last = span_from(line, 7);
	}
	return span_first(fatal.n > 0 ? fatal : last, 200);
}

static const struct meaning *meaning_of(struct mg_span complaint, bool remote)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		const struct meaning *m = &meanings[i];
		if (!remote && m->cause != MG_CAUSE_STORAGE) continue;
		if (span_find(complaint, span_of(m->words)) >= 0) return m;
	}
	return NULL;
}

enum mg_code gitfault_of_remote(struct mg_err *err, struct mg_span url, struct mg_span complaint,
				int status)
{
	const struct meaning *m = meaning_of(complaint, true);
	struct mg_span words = last_word(complaint);

	if (m != NULL && m->says != NULL)
		return err_set(err, m->code, m->cause, "git repository %.*s: %s", SPAN_ARG(url),
			       m->says);
	if (words.n == 0)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_VCS,
			       "git repository %.*s: git ended with status %d", SPAN_ARG(url),
			       status);
	return err_set(err, m != NULL ? m->code : MG_UNAVAILABLE,
		       m != NULL ? m->cause : MG_CAUSE_VCS, "git repository %.*s: %.*s",
		       SPAN_ARG(url), SPAN_ARG(words));
}

enum mg_code gitfault_of_mirror(struct mg_err *err, struct mg_span complaint, int status)
{
	const struct meaning *m = meaning_of(complaint, false);
	struct mg_span words = last_word(complaint);

	enum mg_code code = m != NULL ? m->code : status > DIED ? MG_UNAVAILABLE : MG_CORRUPT;
	return err_set(err, code, MG_CAUSE_STORAGE,
		       "the mirror of its repository: %.*s (status %d)", SPAN_ARG(words), status);
}
