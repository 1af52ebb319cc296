/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/libraries.h"
#include "cli/notify.h"
#include "cli/privilege.h"
#include "cli/supervisor.h"
#include "http/listener.h"

/* Mistakes are for the person who starts it, the rest for the log. */
static void tell_notes(const struct draft *d)
{
	for (const struct draft_note *n = d->notes; n != NULL; n = n->next)
		if (n->level == LOG_LEVEL_ERROR)
			fprintf(stderr, "error: %s\n", n->text);
		else
			LOG_LINE(n->level, n->text, LOG_S("about", "settings"));
}

/* mkdir -p. The last directory is given to the user who will write there, if it is new. */
static enum mg_code make_store(const char *path, const struct privilege_user *owner,
			       struct arena *a, struct mg_err *err)
{
	char *part = arena_strdup(a, span_of(path));

	for (char *p = part + 1; *p != '\0'; p++) {
		if (*p != '/') continue;
		*p = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return err_errno(err, errno, "store %s: cannot make %s", path, part);
		*p = '/';
	}
	if (mkdir(path, 0750) != 0)
		return errno == EEXIST ? MG_OK
				       : err_errno(err, errno, "store %s: cannot make it", path);
	if (chown(path, owner->uid, owner->gid) != 0)
		return err_errno(err, errno, "store %s: cannot give it to %s", path, owner->name);
	return MG_OK;
}

/* What only root can do for the user that the children become. */
static bool prepare_user(struct settings *s)
{
	struct privilege_user user;
	struct mg_err err;

	if (s->user[0] == '\0') return true;
	enum mg_code rc = privilege_find(s->user, s->group, &user, &err);
	if (rc == MG_OK && geteuid() == 0) rc = make_store(s->store, &user, &s->arena, &err);
	if (rc != MG_OK) fprintf(stderr, "error: %s\n", err.text);
	return rc == MG_OK;
}

/* What a developer on this machine pastes into a shell: of the first of n sockets that is none in the file
 * system, for the go command knows no such. */
static const char *ready_text(struct arena *a, const struct sockets *s, size_t n,
			      const char *prefix)
{
	char address[LISTENER_ADDRESS_SIZE] = "unix:";
	bool tls = false;

	for (size_t i = 0; i < n && strncmp(address, "unix:", 5) == 0; i++) {
		listener_address(s->one[i].fd, address);
		tls = s->one[i].kind == LISTENER_TLS;
	}
	struct mg_span text = span_of(address);
	if (span_has_prefix(text, SPAN("unix:"))) return "ready\n";
	struct mg_span port = span_from(text, (size_t)span_last_index(text, ':'));
	bool every = text.p[0] == ':' || span_has_prefix(text, SPAN("[::]:")) ||
		     span_has_prefix(text, SPAN("0.0.0.0:"));
	if (every)
		return arena_printf(a, "export GOPROXY=http%s://127.0.0.1%.*s%s\n", tls ? "s" : "",
				    SPAN_ARG(port), prefix);
	return arena_printf(a, "export GOPROXY=http%s://%s%s\n", tls ? "s" : "", address, prefix);
}

/* Front inherits the environment, and must not know the upstreams' credentials. */
static void forget_secrets(void)
{
	struct mg_buf name = BUF_MAX(128);

	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		if (!def->secret) continue;
		buf_clear(&name);
		settings_env_name(def, &name);
		unsetenv(buf_cstr(&name));
		if (def->go_name != NULL) unsetenv(def->go_name);
	}
	unsetenv("ATHENS_GO_BINARY_ENV_VARS");
	buf_deinit(&name);
}

/* Each reload reads the environment as it was at the start. */
static char **copy_environment(struct arena *a)
{
	size_t n = 0;
	while (environ[n] != NULL)
		n++;
	char **copy = arena_alloc(a, (n + 1) * sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(a, span_of(environ[i]));
	copy[n] = NULL;
	return copy;
}

/* Where the next binary will stand: the name by which we were called, not what a link led to. */
static const char *program_path(struct arena *a)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	char folder[PATH_MAX];

	if (name == NULL || name[0] == '/' || getcwd(folder, sizeof folder) == NULL)
		return name != NULL ? name : "/proc/self/exe";
	return arena_printf(a, "%s/%s", folder, name);
}

/* What the arena holds outlives the plan, which the first reload replaces. */
static int serve(struct plan *p, const struct plan_source *source, struct handover *left,
		 struct arena *a)
{
	struct settings *s = &p->draft.settings;

	if (p->draft.errors > 0 || !prepare_user(s)) {
		struct mg_buf why = BUF_MAX(4096);
		plan_errors(p, &why);
		handover_tell_failure(left, buf_cstr(&why));
		buf_deinit(&why);
		plan_discard(&p, &left->open);
		return 1;
	}
	forget_secrets();
	log_start();
	if (geteuid() == 0 && s->user[0] == '\0')
		log_warn("running as root: the setting user names another user for the processes",
			 LOG_I("uid", 0));
	struct mg_buf goproxy = BUF_MAX(64u << 10);
	settings_text_redacted(s, settings_find(SPAN("goproxy")), &goproxy);
	log_info("starting", LOG_S("version", MODGATE_VERSION), LOG_S("store", s->store),
		 LOG_SP("goproxy", buf_span(&goproxy)), LOG_S("via", s->via));
	buf_deinit(&goproxy);
	int rc = supervisor_run(&(struct supervisor_options){
		.plan = p,
		.source = source,
		.left = left,
		.program = program_path(a),
		.ready_text = ready_text(a, &p->sockets,
					 p->sockets.n - (settings_metrics_apart(s) ? 1 : 0),
					 s->path_prefix),
	});
	log_stop();
	return rc;
}

int command_serve(char *const *args)
{
	struct arena arena = ARENA_INIT;
	struct sockets given = { 0 };
	struct handover left;
	struct mg_err err;
	int rc = 1;

	enum mg_code taken = handover_take(&left, &err);
	if (taken == MG_OK) taken = libraries_check(&err);
	const bool heir = left.channel >= 0;
	const struct plan_source source = { .args = args,
					    .envp = copy_environment(&arena),
					    .given = heir ? &left.given : &given,
					    .left = &left };
	notify_init(heir);
	if (taken == MG_OK) taken = sockets_take_given(&given, &err);
	if (taken == MG_OK) {
		struct plan *p = plan_make(&source, NULL);
		tell_notes(&p->draft);
		rc = serve(p, &source, &left, &arena);
	} else {
		fprintf(stderr, "error: %s\n", err.text);
	}
	handover_deinit(&left);
	sockets_close(&given);
	arena_deinit(&arena);
	return rc;
}
