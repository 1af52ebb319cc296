/* SPDX-License-Identifier: Apache-2.0 */
/* A module in a repository: which versions it has, which version a revision is, where its go.mod is. The
 * answers are those of the go command with GOPROXY=direct (protocol §2.6, §3.5–3.9), given the whole history
 * where that one first looks at a part of it. No I/O of its own: the repository is behind coderepo_ops. What
 * an answer points to lives in the arena. One thread at a time.
 *
 * MG_NOT_FOUND is proven absence, with cause VCS: of a revision, of a module at it, or of the right to call
 * it so. Whatever else an operation fails with ends the work and is passed on. */
#ifndef GOMOD_CODEREPO_H
#define GOMOD_CODEREPO_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gomod/retraction.h"
#include "gomod/verlist.h"

#define CODEREPO_ID_SIZE 65 /* of a commit id with its NUL, SHA-256 included */
#define CODEREPO_FILE_MAX                                                                          \
	16777216 /* bytes of a go.mod or LICENSE; a larger one is as good as no module */

struct coderepo_commit {
	char id[CODEREPO_ID_SIZE]; /* whole, lower-case hexadecimal */
	int64_t time_s;            /* of the committer */
};

struct coderepo_tag {
	struct mg_span name;   /* without "refs/tags/" */
	struct mg_span commit; /* what it leads to */
};

/* All of these block as they like. err is filled on every result but MG_OK. */
struct coderepo_ops {
	/* All tags, in any order; they stay valid as long as the coderepo. */
	enum mg_code (*tags)(void *arg, const struct coderepo_tag **out, size_t *n,
			     struct mg_err *err);
	/* What rev means: a tag, else a branch, else "HEAD", else the 7 or more first digits of a commit id
	 * (§3.5). ref: the whole name of the ref it was, "refs/tags/v1.0.0", appended; nothing for a commit
	 * id. MG_NOT_FOUND: nothing, more than one, or no commit. */
	enum mg_code (*resolve)(void *arg, struct mg_span rev, struct coderepo_commit *out,
				struct mg_buf *ref, struct mg_err *err);
	/* Appends a file's bytes, or what a symbolic link says. MG_NOT_FOUND: neither is at that path.
	 * MG_INVALID: more than max bytes. */
	enum mg_code (*read_file)(void *arg, const char *commit, struct mg_span path, size_t max,
				  struct mg_buf *out, struct mg_err *err);
	/* Sets is_merged[i] to whether tag i is the commit or one that it descends from. */
	enum mg_code (*merged)(void *arg, const char *commit, bool *is_merged, struct mg_err *err);
	/* Is it, or does from it descend, what a branch, a tag or HEAD leads to? Asked for commit ids only. */
	enum mg_code (*reachable)(void *arg, const char *commit, bool *yes, struct mg_err *err);
};

/* Made by coderepo_open; to be read by others. */
struct coderepo {
	struct mg_span path;
	struct mg_span dir; /* where the module is, or its vN/ folder; no slash at either end */
	struct mg_span tag_prefix;   /* dir with a slash behind it; empty as dir */
	struct mg_span major;        /* "/v2", ".v2-unstable"; empty */
	struct mg_span pseudo_major; /* "v2"; empty */
	bool root_is_path;           /* the repository's prefix is the whole module path */
	const struct coderepo_ops *ops;
	void *arg;
	struct arena *arena;
	/* Asked once. */
	const struct coderepo_tag *tags;
	size_t n_tags;
	bool has_tags, has_versions, has_retractions;
	struct verlist versions;
	struct retraction retractions;
};

struct coderepo_version {
	struct mg_span version; /* canonical, and it fits the path */
	struct coderepo_commit commit;
	struct mg_span ref; /* "refs/heads/main"; empty when a commit id was asked for */
};

/* What a version is made of. */
struct coderepo_place {
	struct coderepo_version at;
	struct mg_span dir;   /* the module's root in the repository; no slash at either end */
	struct mg_span gomod; /* the bytes of its go.mod */
	bool made_up;         /* there is none: gomod is "module PATH" */
};

/* path is a module path, root the prefix of it that stands for the repository, subdir where in the repository
 * root is (mostly empty). path and ops must outlive *out. MG_NOT_FOUND: no such module can be in there. */
MG_CHECK enum mg_code coderepo_open(struct coderepo *out, struct mg_span path, struct mg_span root,
				    struct mg_span subdir, const struct coderepo_ops *ops,
				    void *arg, struct arena *arena, struct mg_err *err);
/* The versions of @v/list, ascending, "+incompatible" ones last. *out stays the coderepo's. */
MG_CHECK enum mg_code coderepo_versions(struct coderepo *r, const struct verlist **out,
					struct mg_err *err);
/* The version that rev is: a version in any spelling, branch, tag, or commit id; "latest" is HEAD. */
MG_CHECK enum mg_code coderepo_stat(struct coderepo *r, struct mg_span rev,
				    struct coderepo_version *out, struct mg_err *err);
/* What @latest answers: the highest release, else prerelease, that its go.mod does not retract, else HEAD. */
MG_CHECK enum mg_code coderepo_latest(struct coderepo *r, struct coderepo_version *out,
				      struct mg_err *err);
/* Where a version is. MG_NOT_FOUND for any that coderepo_stat would not give just so. */
MG_CHECK enum mg_code coderepo_locate(struct coderepo *r, struct mg_span version,
				      struct coderepo_place *out, struct mg_err *err);
/* Appends the LICENSE that the zip has besides the files of place->dir: the repository's, when the module is
 * not its root and has none of its own (§3.10). *inherits: is there one? */
MG_CHECK enum mg_code coderepo_license(struct coderepo *r, const struct coderepo_place *place,
				       bool *inherits, struct mg_buf *out, struct mg_err *err);

/* Of use to commitname.h. */
/* The tags, which stay the coderepo's. */
MG_CHECK enum mg_code coderepo_tags(struct coderepo *r, const struct coderepo_tag **out, size_t *n,
				    struct mg_err *err);
/* Does DIR/name exist at the commit? dir is empty or without a slash at either end; out may be NULL. */
MG_CHECK enum mg_code coderepo_read(struct coderepo *r, const char *commit, struct mg_span dir,
				    const char *name, struct mg_buf *out, bool *exists,
				    struct mg_err *err);
/* Is there a module at the commit? Fills all but `at`. */
MG_CHECK enum mg_code coderepo_find(struct coderepo *r, const char *commit,
				    struct coderepo_place *out, struct mg_err *err);
/* Does the go.mod of the highest release retract a version? */
MG_CHECK enum mg_code coderepo_retracted(struct coderepo *r, struct mg_span version, bool *out,
					 struct mg_err *err);

#endif
