/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of one remote repository: what its refs are, and those commits of it that were needed so far. It grows
 * in two steps: the newest commit of a ref alone, then the whole history of all refs; never by a hash that no ref
 * leads to (a host may have objects there that nobody of the repository has pushed). One command at a time
 * changes it, while any number read. */
#ifndef VCS_MIRROR_H
#define VCS_MIRROR_H

#include "vcs/commitcache.h"
#include "vcs/gitcmd.h"
#include "vcs/mirrors.h"
#include "vcs/remoterefs.h"

/* One job's use of a mirror; one thread at a time. */
struct mirror_use {
	struct mirror *mirror;
	const struct vcs_place *place;
	const struct cancel *cancel;
	bool unasked; /* nobody waits for it: it may not become large */
};

/* The refs of the remote: as remembered when that is fresh, else asked for. Who comes while somebody asks waits for
 * that answer. The caller releases. */
MG_CHECK enum mg_code mirror_refs(const struct mirror_use *u, struct remoterefs **out,
				  struct mg_err *err);
/* The same, asked for after now whatever is remembered. */
MG_CHECK enum mg_code mirror_refs_again(const struct mirror_use *u, struct remoterefs **out,
					struct mg_err *err);

/* How often the mirror has grown: to be noted before one looks for an object, for the call below. */
unsigned mirror_growth(const struct mirror *m);
/* By whom a commit was asked for. */
enum mirror_way {
	MIRROR_UNASKED,
	MIRROR_BY_US,  /* if it is not there now, the mirror may be damaged */
	MIRROR_BY_GIT, /* who would have seen that */
};
/* Brings the commit that ref (of refs) leads to, without its history; does nothing when the mirror has grown since
 * `seen`. *way: by whom it was asked for before, and now. */
MG_CHECK enum mg_code mirror_bring(const struct mirror_use *u, const struct remoterefs *refs,
				   const struct remoteref *ref, unsigned seen, enum mirror_way *way,
				   struct mg_err *err);
/* Brings all branches and tags with their history, as of refs; does nothing when they are there. */
MG_CHECK enum mg_code mirror_bring_all(const struct mirror_use *u, const struct remoterefs *refs,
				       struct mg_err *err);
/* How often it was thrown away: a git that was started before reads what is no more. */
unsigned mirror_generation(const struct mirror *m);
/* Is there anything to read yet? */
bool mirror_is_there(const struct mirror *m);
/* A command that reads the mirror, to be completed by its args; valid as long as the use. MG_CORRUPT (STORAGE):
 * there is no mirror any more. */
MG_CHECK enum mg_code mirror_reader(const struct mirror_use *u, struct gitcmd_spec *spec,
				    struct mg_err *err);
/* Runs such a command, its output going to take. MG_CORRUPT (STORAGE) as well when the mirror turns out to be
 * damaged; it is thrown away then. */
MG_CHECK enum mg_code mirror_read(const struct mirror_use *u, const struct gitcmd_spec *spec,
				  enum mg_code (*take)(void *arg, struct mg_span piece,
						       struct mg_err *err),
				  void *arg, struct mg_err *err);
/* What was read makes no sense: the mirror is thrown away. */
void mirror_discard(const struct mirror_use *u);
/* What is known of its commits. */
struct commitcache *mirror_commits(struct mirror *m);

#endif
