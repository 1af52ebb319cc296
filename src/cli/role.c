/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/role.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/privilege.h"
#include "cli/sandbox.h"
#include "loop/child.h"
#include "record/procstat.h"

static enum mg_code read_settings(struct settings *s, struct mg_err *err)
{
	struct mg_buf text = BUF_MAX(1u << 20);
	enum mg_code rc = MG_OK;
	char *room;
	ssize_t n = -1;

	/* At offsets of its own: the memfd's position is shared with earlier children. */
	while ((room = buf_reserve(&text, 4096)) != NULL &&
	       (n = pread(ROLE_FD_SETTINGS, room, 4096, (off_t)text.n)) > 0)
		text.n += (size_t)n;
	if (n != 0 || buf_failed(&text))
		rc = err_set(err, MG_INTERNAL, MG_CAUSE_NONE,
			     "cannot read the settings: this role is started by `modgate serve`");
	else
		rc = settings_decode(buf_span(&text), s, err);
	buf_deinit(&text);
	close(ROLE_FD_SETTINGS);
	return rc;
}

bool role_begin(enum metrics_process which, struct settings *s)
{
	const char *name = which == METRICS_FRONT ? "front" : "fetch";
	struct mg_err err;

	child_begin(name);
	/* Terminals and service managers signal the whole group; the supervisor ends us in order. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	settings_init(s);
	log_init(name, STDERR_FILENO, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
	if (read_settings(s, &err) != MG_OK) goto bad;
	log_init(name, STDERR_FILENO, s->log_level, s->log_format);
	if (privilege_give_up(s->user, s->group, &err) != MG_OK) goto bad;
	child_begin(name);
	privilege_limit();
	/* What cannot be counted is no reason not to serve. */
	if (!metrics_attach(ROLE_FD_METRICS, which)) log_warn("no metrics", LOG_S("process", name));
	close(ROLE_FD_METRICS);
	return true;
bad:
	log_error("cannot start", LOG_S("error", err.text));
	return false;
}

void role_count(void)
{
	metrics_begin();
	procstat_publish();
}

void role_confine(const struct settings *s, const struct sandbox_rules *rules)
{
	int landlock = s->sandbox ? sandbox_paths(rules) : 0;
	bool seccomp = s->sandbox && sandbox_calls(rules->writable_n == 0 && !rules->may_connect,
						   rules->may_exec);

	log_start();
	log_info("started", LOG_I("pid", getpid()), LOG_I("landlock_abi", landlock),
		 LOG_S("seccomp", seccomp ? "on" : "off"));
}

/* There is room on the channel: the supervisor pings once an answer. If it is gone, so are we. */
static void tell(char what)
{
	ssize_t unused = send(ROLE_FD_CONTROL, &what, 1, MSG_NOSIGNAL);
	(void)unused;
}

void role_ready(void)
{
	tell(ROLE_TELL_READY);
}

void role_standing(void)
{
	tell(ROLE_TELL_STANDING);
}

void role_deaf(void)
{
	tell(ROLE_TELL_DEAF);
}

void role_alive(void)
{
	tell(ROLE_TELL_ALIVE);
}
