/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/fetchparts.h"
#include "cli/notify.h"
#include "cli/privilege.h"
#include "cli/settings_load.h"
#include "cli/sockets.h"
#include "cli/supervisor.h"
#include "cli/tlsfiles.h"
#include "cli/upstreams.h"
#include "http/listener.h"

/* Mistakes are for the person who starts it, the rest for the log. */
static void tell_notes(const struct draft *d)
{
	for (const struct draft_note *n = d->notes; n != NULL; n = n->next)
		if (n->level == LOG_LEVEL_ERROR)
			fprintf(stderr, "error: %s\n", n->text);
		else if (n->level == LOG_LEVEL_WARN)
			log_warn(n->text, LOG_S("about", "settings"));
		else
			log_info(n->text, LOG_S("about", "settings"));
}

/* Two instances with one name would take each other for themselves. */
static void choose_via(struct draft *d)
{
	if (d->settings.via[0] != '\0') return;
	const char *name = fetchparts_via(&d->settings.arena);
	draft_set(d, settings_find(SPAN("via")), span_of(name), "made up at this start");
}

/* Who lets the service manager open the sockets has said where to listen. */
static void listen_on_given(struct draft *d, const struct sockets *given)
{
	const struct settings_list *listen = &d->settings.listen;

	if (given->n > 0 && !draft_is_set(d, "listen"))
		draft_set(d, settings_find(SPAN("listen")),
			  d->settings.tls_cert.n > 0 ? SPAN("https://" SOCKETS_GIVEN)
						     : SPAN(SOCKETS_GIVEN),
			  "LISTEN_FDS");
	for (size_t i = 0; i < listen->n; i++) {
		enum listener_kind kind;
		if (sockets_is_given(listener_strip_scheme(span_of(listen->items[i]), &kind)))
			return;
	}
	if (given->n > 0)
		draft_note(d, LOG_LEVEL_WARN,
			   "%s: listen: names none of the service manager's sockets (" SOCKETS_GIVEN
			   "); only those with an address in it are used",
			   draft_from(d, "listen"));
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

static bool open_sockets(const struct settings *s, const struct sockets *given, struct sockets *out)
{
	struct mg_err err;

	if (sockets_open(&s->listen, settings_metrics_apart(s) ? s->metrics_listen : NULL,
			 &(struct sockets){ 0 }, given, out, &err) == MG_OK)
		return true;
	fprintf(stderr, "error: %s\n", err.text);
	return false;
}

/* Sockets in the file system belong to the user that the processes become: his group may connect. */
static bool share_sockets(const struct settings *s, const struct sockets *sockets)
{
	struct privilege_user user = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	struct mg_err err;
	enum mg_code rc = MG_OK;

	if (s->user[0] != '\0' && geteuid() == 0)
		rc = privilege_find(s->user, s->group, &user, &err);
	if (rc == MG_OK) rc = sockets_share(sockets, s->listen_mode, user.uid, user.gid, &err);
	if (rc != MG_OK) fprintf(stderr, "error: %s\n", err.text);
	return rc == MG_OK;
}

static int serve(struct settings *s, const struct sockets *given)
{
	struct sockets sockets;
	int tls_fd = -1;
	const uint64_t tls_stamp = tlsfiles_stamp(s);
	struct mg_err err;

	if (s->tls_cert.n > 0 && tlsfiles_load(s, &tls_fd, &err) != MG_OK) {
		fprintf(stderr, "error: %s\n", err.text);
		return 1;
	}
	if (!prepare_user(s) || !open_sockets(s, given, &sockets)) return 1;
	if (!share_sockets(s, &sockets)) {
		sockets_unlink(&sockets);
		sockets_close(&sockets);
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
		.settings = s,
		.sockets = &sockets,
		.tls_fd = tls_fd,
		.tls_stamp = tls_stamp,
		.ready_text =
			ready_text(&s->arena, &sockets,
				   sockets.n - (settings_metrics_apart(s) ? 1 : 0), s->path_prefix),
	});
	sockets_unlink(&sockets);
	sockets_close(&sockets);
	return rc;
}

int command_serve(char *const *args)
{
	struct sockets given;
	struct draft d;
	struct mg_err err;
	int rc = 1;

	notify_init(false);
	if (sockets_take_given(&given, &err) != MG_OK) {
		fprintf(stderr, "error: %s\n", err.text);
		sockets_close(&given);
		return 1;
	}
	draft_init(&d);
	settings_load(&d, args, environ);
	upstreams_settle(&d);
	choose_via(&d);
	listen_on_given(&d, &given);
	log_init("supervisor", STDERR_FILENO, d.settings.log_level, d.settings.log_format);
	tell_notes(&d);
	if (d.errors == 0) rc = serve(&d.settings, &given);
	log_stop();
	sockets_close(&given);
	draft_deinit(&d);
	return rc;
}
