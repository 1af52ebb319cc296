/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/sanitized.h"

enum mg_code privilege_find(const char *user, const char *group, struct privilege_user *out,
			    struct mg_err *err)
{
	const struct passwd *pw = getpwnam(user);
	if (pw == NULL)
		return err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
			       "user: there is no user \"%s\" on this machine", user);
	struct privilege_user u = { .uid = pw->pw_uid, .gid = pw->pw_gid, .name = user };
	if (group[0] != '\0') {
		const struct group *gr = getgrnam(group);
		if (gr == NULL)
			return err_set(err, MG_NOT_FOUND, MG_CAUSE_NONE,
				       "group: there is no group \"%s\" on this machine", group);
		u.gid = gr->gr_gid;
	}
	*out = u;
	return MG_OK;
}

static enum mg_code become(const struct privilege_user *u, struct mg_err *err)
{
	if (geteuid() == u->uid && getuid() == u->uid && getgid() == u->gid) return MG_OK;
	if (geteuid() != 0)
		return err_set(
			err, MG_DENIED, MG_CAUSE_NONE,
			"user: only root can become %s; start modgate as root or as that user",
			u->name);
	if (initgroups(u->name, u->gid) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
	    setresuid(u->uid, u->uid, u->uid) != 0)
		return err_set(err, MG_DENIED, MG_CAUSE_NONE, "cannot become user %s: %s", u->name,
			       strerror(errno));
	return MG_OK;
}

enum mg_code privilege_give_up(const char *user, const char *group, struct mg_err *err)
{
	struct privilege_user u;
	if (user[0] == '\0') return MG_OK;
	const enum mg_code rc = privilege_find(user, group, &u, err);
	return rc == MG_OK ? become(&u, err) : rc;
}

void privilege_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (!SANITIZED) prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
