/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/role.h"

#include <errno.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/fetchparts.h"
#include "cli/kept.h"
#include "cli/sandbox.h"
#include "cli/vcsparts.h"
#include "cli/vcssettings.h"
#include "fetch/control.h"
#include "fetch/fetch.h"
#include "fetch/keeper.h"
#include "fetch/patrol.h"
#include "fetch/stapler.h"
#include "gomod/proxylist.h"
#include "loop/channel.h"
#include "tls/bundle.h"

#define READABLE_MAX 64

struct process {
	struct settings settings;
	struct loop *loop;
	struct channel *control;
	struct store *store;
	struct upstream *upstream;
	struct vcsparts vcs;
	struct keeper *keeper; /* NULL: no mirrors to keep */
	int ruleset;           /* of git's processes; -1: none */
	struct negative *negative;
	struct fetch *fetch;
	struct namedsocket commands_socket; /* our own commands come there; its fd -1: none */
	struct control *commands;
	struct patrol *patrol;   /* NULL: no scrub in the background */
	struct stapler *stapler; /* NULL: no OCSP answers are to be got */
	int *waiting;            /* channels that came before the word to begin */
	size_t waiting_n;
	bool failed;
};

/* --- what it may read --- */

static int hex(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path of "file:///srv/a%20b". */
static const char *path_of(struct arena *a, struct mg_span url)
{
	char *path = arena_strdup(a, span_from(url, strlen("file://"))), *to = path;

	for (const char *from = path; *from != '\0'; from++) {
		bool escaped = from[0] == '%' && hex(from[1]) >= 0 && hex(from[2]) >= 0;
		*to++ = escaped ? (char)(hex(from[1]) * 16 + hex(from[2])) : *from;
		if (escaped) from += 2;
	}
	*to = '\0';
	return path;
}

static const char *const network[] = {
	"/etc/resolv.conf",     "/etc/hosts",      "/etc/nsswitch.conf",   "/etc/host.conf",
	"/etc/gai.conf",        "/etc/services",   "/etc/ca-certificates", "/etc/pki",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
};

/* The folder of a file of secrets: what is put into the file's place later may be read too. */
static const char *folder_of(struct arena *a, const char *path)
{
	const ptrdiff_t slash = span_last_index(span_of(path), '/');
	if (slash < 0) return "";
	return arena_strdup(a, span_first(span_of(path), slash > 0 ? (size_t)slash : 1));
}

struct paths {
	const char *path[READABLE_MAX];
	size_t n;
};

static void add(struct paths *p, const char *path)
{
	if (path != NULL && path[0] != '\0' && p->n < READABLE_MAX) p->path[p->n++] = path;
}

/* Names are looked up and certificates checked; repositories are opened with keys. */
static void list_for_git(struct settings *s, struct paths *p)
{
	for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
		add(p, network[i]);
	add(p, s->upstream_ca_file);
	add(p, getenv("SSL_CERT_FILE"));
	add(p, getenv("SSL_CERT_DIR"));
	add(p, folder_of(&s->arena, s->vcs_credentials));
	add(p, folder_of(&s->arena, s->vcs_known_hosts));
}

/* Secrets, and trees on this machine. */
static void list_for_us(struct settings *s, struct paths *p)
{
	const char *const secrets[] = { s->vcs_netrc, s->hooks_github, s->hooks_gitlab,
					s->hooks_gitea };
	struct proxylist list;
	struct mg_err err;

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		add(p, folder_of(&s->arena, secrets[i]));
	if (proxylist_parse(span_of(s->goproxy), &s->arena, &list, &err) != MG_OK) return;
	for (size_t i = 0; i < list.n; i++)
		if (list.entries[i].kind == PROXYLIST_URL &&
		    span_has_prefix(list.entries[i].url, SPAN("file://")))
			add(p, path_of(&s->arena, list.entries[i].url));
}

static void confine(struct process *p)
{
	struct settings *s = &p->settings;
	struct paths readable = { 0 };
	const char *mirrors = vcsparts_folder(s);
	const bool may_exec = vcssettings_in_use(s);

	list_for_git(s, &readable);
	/* It must be there to be named. */
	if (may_exec && s->sandbox && (mkdir(mirrors, 0700) == 0 || errno == EEXIST))
		p->ruleset = sandbox_ruleset(&(struct sandbox_rules){
			.readable = readable.path,
			.readable_n = readable.n,
			.writable = (const char *const[]){ mirrors },
			.writable_n = 1,
			.may_connect = true,
			.may_exec = true,
		});
	list_for_us(s, &readable);
	role_confine(s, &(struct sandbox_rules){
				.readable = readable.path,
				.readable_n = readable.n,
				.writable = (const char *const[]){ s->store },
				.writable_n = 1,
				.may_connect = true,
				.may_exec = may_exec,
			});
}

/* --- its parts --- */

/* On a file system without sockets modules can be served all the same. */
static void listen_for_commands(struct process *p)
{
	struct mg_err err;

	if (namedsocket_listen(p->settings.store, CONTROL_NAME, &p->commands_socket)) return;
	err_errno(&err, errno, "cannot make %s/" CONTROL_NAME, p->settings.store);
	log_warn("commands such as `modgate verify` cannot reach this server",
		 LOG_S("error", err.text));
}

static enum mg_code open_store(struct process *p, int lock, struct mg_err *err)
{
	return lock >= 0 ? store_open_locked(p->settings.store, lock, &p->store, err)
			 : store_open(p->settings.store, STORE_WRITE, &p->store, err);
}

static enum mg_code begin(struct process *p, int lock, struct mg_err *err)
{
	const struct upstream_options upstream = fetchparts_upstream(&p->settings);
	struct fetch_options fetch = fetchparts_fetch(&p->settings);
	enum mg_code rc = open_store(p, lock, err);

	if (rc == MG_OK) listen_for_commands(p);
	if (rc == MG_OK) confine(p);
	if (rc == MG_OK) rc = negative_open(p->settings.store, &p->negative, err);
	if (rc != MG_OK) return rc;
	p->upstream = upstream_new(&upstream);
	rc = vcsparts_open(&p->vcs, &p->settings, p->upstream, p->ruleset, err);
	if (rc != MG_OK) return rc;
	fetch.vcs = p->vcs.vcs;
	if (p->vcs.vcs != NULL) p->keeper = keeper_new(p->vcs.vcs);
	rc = fetch_new(p->loop, &fetch, p->store, p->upstream, p->negative, &p->fetch, err);
	if (rc != MG_OK) return rc;

	if (p->commands_socket.fd >= 0)
		p->commands = control_new(p->loop, &p->commands_socket, p->settings.store,
					  fetch_means(p->fetch));
	if (p->settings.scrub_every > 0)
		p->patrol = patrol_new(fetch_means(p->fetch), p->settings.scrub_every);
	struct mg_err unkept;
	if (kept_write(p->settings.store, p->settings.goproxy, &unkept) != MG_OK)
		log_warn("the upstreams are not kept for the next start",
			 LOG_S("error", unkept.text));
	return MG_OK;
}

/* --- what the supervisor says --- */

/* Whoever works after us must find the lock held: it is told to the supervisor, who keeps it. */
static void on_go(struct process *p, int lock)
{
	const char ready = ROLE_TELL_READY;
	struct mg_err err;

	role_count();
	if (begin(p, lock, &err) != MG_OK) {
		log_error("cannot start", LOG_S("error", err.text));
		p->failed = true;
		loop_stop(p->loop);
		return;
	}
	for (size_t i = 0; i < p->waiting_n; i++)
		fetch_add_channel(p->fetch, p->waiting[i]);
	p->waiting_n = 0;
	const int held = store_lock(p->store);
	channel_send(p->control, span_make(&ready, 1), &held, 1);
}

static void on_channels(struct process *p, int *fds, size_t n)
{
	if (p->fetch == NULL)
		p->waiting = check_realloc(p->waiting, (p->waiting_n + n) * sizeof *p->waiting);
	for (size_t i = 0; i < n; i++) {
		if (p->fetch != NULL)
			fetch_add_channel(p->fetch, fds[i]);
		else
			p->waiting[p->waiting_n++] = fds[i];
		fds[i] = -1;
	}
}

/* fd -1: there are none any more. */
static void on_certificates(struct process *p, int fd)
{
	struct mg_buf bytes = BUF_MAX(BUNDLE_BYTES_MAX);
	struct mg_err err;

	if (fd >= 0 && bundle_read(fd, &bytes, &err) != MG_OK)
		log_error("no OCSP answers are fetched", LOG_S("error", err.text));
	if (p->stapler == NULL && bytes.n > 0) p->stapler = stapler_new(p->store, p->upstream);
	if (p->stapler != NULL) stapler_set(p->stapler, buf_span(&bytes));
	buf_deinit(&bytes);
}

static void on_idle(void *arg)
{
	struct process *p = arg;
	loop_stop(p->loop);
}

static uint32_t read_u32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void on_control(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct process *p = arg;

	if (message.n == 1 && message.p[0] == FETCH_CONTROL_PING) {
		role_alive();
	} else if (message.n == 1 && message.p[0] == FETCH_CONTROL_GO && p->fetch == NULL) {
		const int lock = fd_count > 0 ? fds[0] : -1;
		if (fd_count > 0) fds[0] = -1;
		on_go(p, lock);
	} else if (message.n == 1 && message.p[0] == FETCH_CONTROL_CHANNELS) {
		on_channels(p, fds, fd_count);
	} else if (message.n == 1 && message.p[0] == FETCH_CONTROL_CERTIFICATES) {
		if (p->fetch != NULL) on_certificates(p, fd_count > 0 ? fds[0] : -1);
	} else if (message.n == 5 && message.p[0] == FETCH_CONTROL_RETIRE && p->fetch != NULL) {
		fetch_retire(p->fetch, read_u32(message.p + 1), on_idle, p);
	} else {
		log_error("malformed control message", LOG_I("bytes", message.n));
	}
}

static void on_control_closed(void *arg)
{
	struct process *p = arg;

	channel_free(&p->control);
	loop_stop(p->loop);
}

static void end(struct process *p)
{
	stapler_free(&p->stapler);
	patrol_free(&p->patrol);
	control_free(&p->commands);
	fetch_free(&p->fetch);
	keeper_free(&p->keeper);
	vcsparts_close(&p->vcs);
	if (p->ruleset >= 0) close(p->ruleset);
	upstream_free(&p->upstream);
	negative_close(&p->negative);
	store_close(&p->store);
	channel_free(&p->control);
	loop_free(&p->loop);
	log_stop();
	settings_deinit(&p->settings);
	for (size_t i = 0; i < p->waiting_n; i++)
		close(p->waiting[i]);
	free(p->waiting);
}

int role_fetch(char *const *args)
{
	struct process p = { .commands_socket.fd = -1 };

	if (!role_begin(METRICS_FETCH, &p.settings)) return ROLE_EXIT_HOPELESS;
	p.loop = loop_new();
	p.control = channel_new(p.loop, ROLE_FD_CONTROL, on_control, on_control_closed, &p);
	role_standing();
	loop_run(p.loop);
	end(&p);
	return p.failed ? ROLE_EXIT_HOPELESS : 0;
}
