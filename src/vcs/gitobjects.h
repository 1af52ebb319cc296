/* SPDX-License-Identifier: Apache-2.0 */
/* Reads objects of a mirror: one `git cat-file --batch` answers any number of questions, and starts with the
 * first. What is small is remembered with the mirror, so that mostly none is needed. One thread at a time. */
#ifndef VCS_GITOBJECTS_H
#define VCS_GITOBJECTS_H

#include "vcs/mirror.h"

#include <stdbool.h>

struct gitobjects {
	const struct mirror_use *use;
	struct gitcmd *child; /* NULL: not running */
	unsigned generation;  /* of the mirror, when it was started */
};

void gitobjects_init(struct gitobjects *o, const struct mirror_use *use);
void gitobjects_deinit(struct gitobjects *o); /* ends the child */

/* The commit that a hash, or the beginning of one, stands for. hash: room for 65 bytes. MG_NOT_FOUND: the mirror
 * has none such, or several. */
MG_CHECK enum mg_code gitobjects_commit(struct gitobjects *o, struct mg_span rev, char *hash,
					int64_t *time_s, struct mg_err *err);
/* Appends the bytes of the file at path, or a symbolic link's text. MG_NOT_FOUND: neither is there. MG_INVALID: it
 * has more than max bytes. */
MG_CHECK enum mg_code gitobjects_file(struct gitobjects *o, struct mg_span commit,
				      struct mg_span path, size_t max, struct mg_buf *out,
				      struct mg_err *err);

/* The time of the committer in the text of a commit object; 0 when it has none. */
int64_t gitobjects_committer_time(struct mg_span text);

#endif
