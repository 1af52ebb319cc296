/* SPDX-License-Identifier: Apache-2.0 */
/* Modules straight from version control: where a module's repository is, which versions it has, and their
 * artifacts, byte for byte what the go command makes of them with GOPROXY=direct (protocol §3, §4). Git is
 * the only one that is read; its program runs as a confined child (gitcmd.h) over persistent mirrors
 * (mirror.h). All calls block, from lane threads, and may be made by several at once; each is heard to be
 * canceled within a second. MG_NOT_FOUND is proven absence: no such repository, revision or module in it, or
 * one that the go command would refuse. A remote that cannot be asked is MG_UNAVAILABLE, one that is too
 * slow MG_TIMEOUT. The cause is MG_CAUSE_VCS unless something better is known. */
#ifndef VCS_VCS_H
#define VCS_VCS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gomod/verlist.h"
#include "loop/cancel.h"
#include "upstream/reach.h"

struct upstream;
struct vcs;
struct vcs_module;

/* Where a module lives. Strings live in the arena of the call. */
struct vcs_place {
	enum vcs_kind {
		VCS_GIT,
		VCS_PROXY, /* a module proxy, to be asked like an upstream (go-import kind "mod") */
	} kind;
	struct mg_span
		root; /* the prefix of the module path that stands for the repository's root */
	struct mg_span
		url; /* of the repository, or the base of the proxy; user names, no secrets */
	struct mg_span subdir; /* the module tree's folder in the repository; mostly empty */
	/* What git is given: where the repository is by redirects and rewrite rules, of which .info says nothing, as
	 * with the go command. Empty: url. Access, pins and protocols are for this. */
	struct mg_span at;
	struct mg_span pins; /* "HOST:PORT:ADDRESS[,ADDRESS]": where git connects to
				* (http.curloptResolve); empty: where DNS says */
	struct mg_span
		protocols; /* what git may speak, "https:ssh" (GIT_ALLOW_PROTOCOL); empty: that */
	enum reach reach;  /* of requests of our own to it */
	/* The digits of its hashes, 40 or 64, where it was heard to speak version 2 of git's protocol over HTTP; 0: not
	 * heard. */
	size_t hash_n;
};

/* What the facade asks about the world outside; both may block and fail like vcs_open. */
struct vcs_guide {
	/* Where path lives. MG_NOT_FOUND: nowhere. Need not remember: the facade does. */
	enum mg_code (*find)(void *arg, struct mg_span path, const struct cancel *cancel,
			     struct arena *a, struct vcs_place *out, struct mg_err *err);
	/* The environment, "NAME=value" up to a NULL, that git gets besides ours to reach url: GIT_CONFIG_COUNT,
	 * GIT_CONFIG_KEY_0 and so on, GIT_SSH_COMMAND. Secret. Asked before every command that talks to the
	 * remote, so that rotated secrets are taken up. NULL: nothing. */
	enum mg_code (*access)(void *arg, struct mg_span url, const struct cancel *cancel,
			       struct arena *a, char *const **env, struct mg_err *err);
	/* Appends an http(s) URL with the login for its origin in it, which is the caller's to forget
	 * (secretfile_forget). Fails as access. NULL: there are no logins. */
	enum mg_code (*login)(void *arg, struct mg_span url, const struct cancel *cancel,
			      struct mg_buf *out, struct mg_err *err);
	void *arg;
};

struct vcs_options {
	const char *folder; /* of the mirrors, ours alone; made when missing */
	const char *git;    /* the program; NULL: the one in /usr/bin, /bin or /usr/local/bin */
	struct vcs_guide guide;
	/* By which http(s) repositories are asked for refs and commits; used until vcs_free. NULL: git does that too. */
	struct upstream *upstream;
	/* A Landlock ruleset, the caller's, that every git child puts on itself: it allows reading the system and
	 * writing below folder, no more. -1: none. */
	int child_ruleset;
	uint64_t mirrors_max; /* bytes on disk of all mirrors, above which the longest unused go */
	uint32_t mirrors_age_s; /* unused for so long they go too */
	uint32_t
		deepen_below; /* a mirror that took no more bytes for its first version is made whole
				     behind the asker's back, so that the next version is there; 0: never */
	uint32_t fresh_ms;    /* what the remote has said about its refs is believed that long */
	uint32_t found_ms;    /* so is where a path lives */
	uint32_t command_ms;  /* the longest that one command may take */
	uint64_t fetch_max;   /* bytes one command may write into a mirror */
	uint32_t per_host;    /* commands that talk to one host at a time */
	uint32_t per_host_s;  /* and that begin in a second */
};

/* The strings and the guide stay the caller's and are used until vcs_free. The process becomes the reaper of
 * what its children leave behind (PR_SET_CHILD_SUBREAPER). MG_UNAVAILABLE: no git program (2.37 or newer),
 * or a folder that cannot be used. */
MG_CHECK enum mg_code vcs_new(const struct vcs_options *options, struct vcs **out,
			      struct mg_err *err);
void vcs_free(struct vcs **v); /* no call may be running */
/* Makes mirrors whole and trims them; to be called every few seconds, by one thread at a time. May take as long
 * as a command. */
void vcs_sweep(struct vcs *v, const struct cancel *cancel);

/* Does the repository answer? Any failure to list its refs is told as it is. For the search of a scheme (§3.1). */
MG_CHECK enum mg_code vcs_probe(struct vcs *v, const struct vcs_place *place,
				const struct cancel *cancel, struct mg_err *err);

/* Finds where the module path lives. *out and what it answers live in the arena, which must outlive it;
 * one thread at a time per module. */
MG_CHECK enum mg_code vcs_open(struct vcs *v, struct mg_span path, const struct cancel *cancel,
			       struct arena *a, struct vcs_module **out, struct mg_err *err);
void vcs_close(struct vcs_module **m); /* ends the children it may hold */
/* The base URL of the proxy to ask instead; empty for a repository. With one, none of what follows may be
 * called. */
struct mg_span vcs_module_proxy(const struct vcs_module *m);
const struct vcs_place *vcs_module_place(const struct vcs_module *m);

/* One version, as .info tells it (protocol §1.3). */
struct vcs_version {
	struct mg_span version;
	int64_t time_s;
	/* Origin; empty members are left out. VCS is "git". */
	struct mg_span url, subdir, hash, ref;
};

/* The versions for @v/list, sorted; a module may have none. (§3.7) */
MG_CHECK enum mg_code vcs_list(struct vcs_module *m, struct verlist *out, struct mg_err *err);
/* The version that rev names: a version, branch, tag, commit. (§3.5, §3.8) */
MG_CHECK enum mg_code vcs_stat(struct vcs_module *m, struct mg_span rev, struct vcs_version *out,
			       struct mg_err *err);
/* What @latest answers. (§1.6) */
MG_CHECK enum mg_code vcs_latest(struct vcs_module *m, struct vcs_version *out, struct mg_err *err);
/* Appends the go.mod of a canonical version, real or made up. out's maximum should be that of modzip.h. */
MG_CHECK enum mg_code vcs_gomod(struct vcs_module *m, struct mg_span version, struct mg_buf *out,
				struct mg_err *err);

/* Where the bytes of a zip go, on the calling thread, in order. Any result but MG_OK ends the work with it. */
struct vcs_sink {
	enum mg_code (*write)(void *arg, struct mg_span bytes, struct mg_err *err);
	void *arg;
};
#define VCS_ZIP_RULES 3
/* The module zip of a canonical version. rules: 0 for those of today, up to VCS_ZIP_RULES - 1 for older ones
 * that public zips may have been made by. h1 (DIRHASH_SIZE, may be NULL) gets its hash. */
MG_CHECK enum mg_code vcs_zip(struct vcs_module *m, struct mg_span version, unsigned rules,
			      const struct vcs_sink *sink, char *h1, struct mg_err *err);
/* What a record calls these rules; "" for those of today. */
const char *vcs_zip_rules_name(unsigned rules);
/* The commit that the version's tag names now, as the remote's refs say: no object is fetched. MG_NOT_FOUND for
 * a pseudo-version, and when there is no such tag. */
MG_CHECK enum mg_code vcs_tag(struct vcs_module *m, struct mg_span version, char hash[65],
			      struct mg_err *err);

/* The next question about the repository, or about all that path's prefixes lie in, asks the remote whatever
 * the age. (A push has come: hooks; `modgate refresh`.) Does not block. */
void vcs_refresh(struct vcs *v, struct mg_span path_or_url);

#endif
