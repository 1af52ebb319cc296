/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gitfault.h"

#define DIED        128 /* git's exit status for what is fatal; above it was killed by a signal */
#define LAST_SIGNAL 64

static const struct meaning {
	const char *words;
	enum mg_code code;
	enum mg_cause cause;
	const char *says;
} meanings[] = {
	/* This machine's trouble and the mirror's first: they may come with any of the others. */
	{ "No space left on device", MG_UNAVAILABLE, MG_CAUSE_STORAGE, "the disk is full" },
	{ "Disk quota exceeded", MG_UNAVAILABLE, MG_CAUSE_STORAGE, "the disk is full" },
	{ "File too large", MG_UNAVAILABLE, MG_CAUSE_STORAGE, "it is larger than may be fetched" },
	{ "ut of memory", MG_UNAVAILABLE, MG_CAUSE_STORAGE,
	  "it takes more memory than git may have" },
	{ "Cannot allocate memory", MG_UNAVAILABLE, MG_CAUSE_STORAGE,
	  "it takes more memory than git may have" },
	{ "Resource temporarily unavailable", MG_UNAVAILABLE, MG_CAUSE_STORAGE,
	  "there are too many processes" },
	{ "Too many open files", MG_UNAVAILABLE, MG_CAUSE_STORAGE,
	  "there are too many open files" },
	{ "pack is corrupted", MG_UNAVAILABLE, MG_CAUSE_HTTP, "what it sends is damaged" },
	{ "is corrupt", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "bad object", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "unable to read tree", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "cannot read object", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "does not match index", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "inflate: ", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "bad config", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
	{ "not a git repository: ", MG_CORRUPT, MG_CAUSE_STORAGE, "its mirror is damaged" },
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
	/* It has told its refs, and was there a moment ago. */
	{ "RPC failed; HTTP 404", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "RPC failed; HTTP 410", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "returned error: 404", MG_NOT_FOUND, MG_CAUSE_VCS, "there is no such repository" },
	{ "returned error: 410", MG_NOT_FOUND, MG_CAUSE_VCS, "there is no such repository" },
	{ "epository not found", MG_NOT_FOUND, MG_CAUSE_VCS, "there is no such repository" },
	{ "The project you were looking for could not be found", MG_NOT_FOUND, MG_CAUSE_VCS,
	  "there is no such repository" },
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
	{ "protocol error", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
	{ "remote error: ", MG_UNAVAILABLE, MG_CAUSE_UPSTREAM, NULL },
	{ "Could not read from remote repository", MG_UNAVAILABLE, MG_CAUSE_CONNECT, NULL },
	{ "transport '", MG_DENIED, MG_CAUSE_POLICY,
	  "its address is of a kind that is not allowed" },
	{ "unable to find remote helper", MG_DENIED, MG_CAUSE_POLICY,
	  "its address is of a kind that is not allowed" },
	/* Whatever curl has to say. */
	{ "unable to access '", MG_UNAVAILABLE, MG_CAUSE_HTTP, NULL },
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

/* "fatal: unable to access 'URL': why": the URL is its asker's, who may have any word in it. */
static bool line_has(struct mg_span line, struct mg_span words)
{
	static const struct mg_span access = { "fatal: unable to access '", 25 };
	ptrdiff_t end = span_has_prefix(line, access) ? span_find(line, SPAN("': ")) : -1;

	if (end < 0) return span_find(line, words) >= 0;
	return span_find(access, words) >= 0 || span_find(span_from(line, (size_t)end), words) >= 0;
}

/* What a remote has git print begins with "remote: ": its progress, or the text that came with an HTTP error, which
 * may be any proxy's. Only over ssh, where nothing else tells an absence from a fault, it counts. What is said of
 * the mirror git says itself. */
static bool counts(struct mg_span line, const struct meaning *m, bool ssh)
{
	if (m->cause == MG_CAUSE_STORAGE)
		return span_has_prefix(line, SPAN("fatal: ")) ||
		       span_has_prefix(line, SPAN("error: "));
	return ssh || !span_has_prefix(line, SPAN("remote: "));
}

static const struct meaning *meaning_of(struct mg_span complaint, bool remote, bool ssh)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		const struct meaning *m = &meanings[i];
		if (!remote && m->cause != MG_CAUSE_STORAGE) continue;
		for (struct mg_span rest = complaint; rest.p != NULL;) {
			struct mg_span line = span_trim(span_cut(&rest, '\n'));
			if (counts(line, m, ssh) && line_has(line, span_of(m->words))) return m;
		}
	}
	return NULL;
}

static bool is_ssh(struct mg_span url)
{
	return span_has_prefix(url, SPAN("ssh://")) || span_has_prefix(url, SPAN("git+ssh://"));
}

enum mg_code gitfault_of_remote(struct mg_err *err, struct mg_span url, struct mg_span complaint,
				int status)
{
	const struct meaning *m = meaning_of(complaint, true, is_ssh(url));
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
	const struct meaning *m = meaning_of(complaint, false, false);
	struct mg_span words = last_word(complaint);

	/* A tree with ".git" in it, whose archive git makes nowhere: another mirror would have the same. */
	if (span_has_prefix(words, SPAN("invalid path '")))
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
			       "no module zip can be made of it: %.*s", SPAN_ARG(words));

	const bool killed = status > DIED && status <= DIED + LAST_SIGNAL;
	enum mg_code code = m != NULL ? m->code : killed ? MG_UNAVAILABLE : MG_CORRUPT;
	return err_set(err, code, MG_CAUSE_STORAGE,
		       "the mirror of its repository: %.*s (status %d)", SPAN_ARG(words), status);
}
