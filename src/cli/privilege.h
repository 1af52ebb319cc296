/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up what a process does not need: the root user, new privileges, core dumps, tracing. */
#ifndef CLI_PRIVILEGE_H
#define CLI_PRIVILEGE_H

#include "base/err.h"

#include <sys/types.h>

struct privilege_user {
	uid_t uid;
	gid_t gid;
	const char *name; /* the caller's */
};

/* Looks the user and the group ("": the user's own) up. MG_NOT_FOUND when there is none. */
MG_CHECK enum mg_code privilege_find(const char *user, const char *group,
				     struct privilege_user *out, struct mg_err *err);
/* Becomes that user, for good, as the settings user and group say. Needs root; nothing to do when no user is set ("")
 * or the process already is that user. */
MG_CHECK enum mg_code privilege_give_up(const char *user, const char *group, struct mg_err *err);
/* No core dumps (they hold secrets), no tracing by others, no privileges by exec, as many descriptors
 * as the hard limit allows. What the kernel refuses is left as it is. */
void privilege_limit(void);

#endif
