/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/role.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/fetchparts.h"
#include "cli/kept.h"
#include "cli/sandbox.h"
#include "fetch/control.h"
#include "fetch/fetch.h"
#include "fetch/patrol.h"
#include "gomod/proxylist.h"
#include "loop/channel.h"

#define READABLE_MAX 64

struct process {
	struct settings settings;
	struct loop *loop;
	struct channel *control;
	struct store *store;
	struct upstream *upstream;
	struct negative *negative;
	struct fetch *fetch;
	int commands_fd; /* listens for our own commands */
	struct control *commands;
	struct patrol *patrol; /* NULL: no scrub in the background */
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

/* Names are looked up, certificates checked, and trees on this machine read. */
static size_t list_readable(struct settings *s, const char *out[READABLE_MAX])
{
	static const char *const always[] = {
		"/etc/resolv.conf",     "/etc/hosts",      "/etc/nsswitch.conf",   "/etc/host.conf",
		"/etc/gai.conf",        "/etc/services",   "/etc/ca-certificates", "/etc/pki",
		"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
	};
	const char *named[] = { s->upstream_ca_file, getenv("SSL_CERT_FILE"),
				getenv("SSL_CERT_DIR") };
	struct proxylist list;
	struct mg_err err;
	size_t n = 0;

	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		out[n++] = always[i];
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (named[i] != NULL && named[i][0] != '\0') out[n++] = named[i];
	if (proxylist_parse(span_of(s->goproxy), &s->arena, &list, &err) != MG_OK) return n;
	for (size_t i = 0; i < list.n && n < READABLE_MAX; i++)
		if (list.entries[i].kind == PROXYLIST_URL &&
		    span_has_prefix(list.entries[i].url, SPAN("file://")))
			out[n++] = path_of(&s->arena, list.entries[i].url);
	return n;
}

static void confine(struct settings *s)
{
	const char *readable[READABLE_MAX];
	size_t n = list_readable(s, readable);

	role_confine(s, &(struct sandbox_rules){
				.readable = readable,
				.readable_n = n,
				.writable = (const char *const[]){ s->store },
				.writable_n = 1,
				.may_connect = true,
			});
}

/* --- its parts --- */

static void on_control(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	if (message.n == 1 && message.p[0] == FETCH_CONTROL_PING) role_alive();
}

static void on_control_closed(void *arg)
{
	struct process *p = arg;

	channel_free(&p->control);
	loop_stop(p->loop);
}

/* On a file system without sockets modules can be served all the same. */
static void listen_for_commands(struct process *p)
{
	struct mg_err err;

	p->commands_fd = control_listen(p->settings.store, &err);
	if (p->commands_fd < 0)
		log_warn("commands such as `modgate verify` cannot reach this server",
			 LOG_S("error", err.text));
}

static enum mg_code begin(struct process *p, const struct upstream_options *upstream,
			  const struct fetch_options *fetch, struct mg_err *err)
{
	enum mg_code rc = store_open(p->settings.store, STORE_WRITE, &p->store, err);

	if (rc == MG_OK) listen_for_commands(p);
	if (rc == MG_OK) confine(&p->settings);
	if (rc == MG_OK) rc = negative_open(p->settings.store, &p->negative, err);
	if (rc != MG_OK) return rc;
	p->upstream = upstream_new(upstream);
	rc = fetch_new(p->loop, fetch, p->store, p->upstream, p->negative, &p->fetch, err);
	if (rc != MG_OK) return rc;

	if (p->commands_fd >= 0)
		p->commands = control_new(p->loop, p->commands_fd, p->settings.store,
					  fetch_means(p->fetch));
	if (p->settings.scrub_every > 0)
		p->patrol = patrol_new(fetch_means(p->fetch), p->settings.scrub_every);
	struct mg_err unkept;
	if (kept_write(p->settings.store, p->settings.goproxy, &unkept) != MG_OK)
		log_warn("the upstreams are not kept for the next start",
			 LOG_S("error", unkept.text));
	p->control = channel_new(p->loop, ROLE_FD_CONTROL, on_control, on_control_closed, p);
	return MG_OK;
}

static void end(struct process *p)
{
	patrol_free(&p->patrol);
	control_free(&p->commands);
	fetch_free(&p->fetch);
	upstream_free(&p->upstream);
	negative_close(&p->negative);
	store_close(&p->store);
	channel_free(&p->control);
	loop_free(&p->loop);
	log_stop();
	settings_deinit(&p->settings);
}

int role_fetch(char *const *args)
{
	struct process p = { .commands_fd = -1 };
	uint64_t channels = 0;
	struct mg_err err;

	if (!role_begin(METRICS_FETCH, &p.settings)) return ROLE_EXIT_HOPELESS;
	MG_ASSERT(args[0] != NULL && span_u64(span_of(args[0]), CHANNEL_FDS_MAX, &channels));

	const struct upstream_options upstream = fetchparts_upstream(&p.settings);
	const struct fetch_options fetch = fetchparts_fetch(&p.settings);
	p.loop = loop_new();
	enum mg_code rc = begin(&p, &upstream, &fetch, &err);
	if (rc == MG_OK) {
		for (int i = 0; i < (int)channels; i++)
			fetch_add_channel(p.fetch, ROLE_FD_FIRST + i);
		role_ready();
		loop_run(p.loop);
	} else {
		log_error("cannot start", LOG_S("error", err.text));
	}
	end(&p);
	return rc == MG_OK ? 0 : ROLE_EXIT_HOPELESS;
}
