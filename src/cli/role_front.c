/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/role.h"

#include "base/check.h"
#include "base/log.h"
#include "cli/sandbox.h"
#include "cli/sockets.h"
#include "fetch/fetch.h"
#include "http/server.h"
#include "loop/channel.h"
#include "serve/front.h"
#include "serve/importpage.h"
#include "sumdb/gosumdb.h"

/* Checked when the settings were loaded. */
static struct address_set networks(struct settings *s, const struct settings_list *list)
{
	struct iptext_net *nets = arena_alloc(&s->arena, (list->n + 1) * sizeof *nets);

	for (size_t i = 0; i < list->n; i++)
		MG_ASSERT(iptext_net_parse(span_of(list->items[i]), &nets[i]));
	return (struct address_set){ .nets = nets, .n = list->n };
}

static struct front_options options_of(struct settings *s)
{
	struct front_options o = {
		.store_root = s->store,
		.path_prefix = s->path_prefix,
		.go_proxy = s->go_proxy_header,
		.via = s->via,
		.fresh_ms = (uint32_t)s->list_fresh,
		.stale_ms = (uint32_t)s->list_stale,
		.order_timeout_ms = (uint32_t)s->fetch_timeout,
		.max_connections = (uint32_t)s->max_connections,
		.hot_bytes = s->hot_cache,
		.go_get = s->go_get,
		.connections_per_address = (uint32_t)s->limits_connections_per_address,
		.requests_per_address = (uint32_t)s->limits_requests_per_address,
		.burst_per_address = (uint32_t)s->limits_burst_per_address,
		.header_timeout_ms = (uint32_t)s->limits_header_timeout,
		.idle_timeout_ms = (uint32_t)s->limits_idle_timeout,
		.stall_timeout_ms = (uint32_t)s->limits_stall_timeout,
		.proxied_from = networks(s, &s->proxy_protocol_from),
		.forwarded_from = networks(s, &s->forwarded_from),
		.forwarded_rfc7239 = s->forwarded_field == SETTINGS_FORWARDED,
		.min_rate = (uint32_t)s->limits_min_rate,
		.max_handshakes = (uint32_t)s->limits_handshakes,
		.metrics = s->metrics_enabled,
		.metrics_athens = s->metrics_athens,
		.metrics_fd = -1,
		.tls_fd = -1,
		.tls_ticket_rotate_ms = s->tls_ticket_rotate,
		.sumdb = "",
		.sumdb_key = "",
		.nosumdb = s->gonosumdb[0] != '\0' ? s->gonosumdb : s->goprivate,
		.on_ready = role_ready,
		.on_alive = role_alive,
		.on_deaf = role_deaf,
	};
	struct gosumdb db;
	struct mg_err err;
	/* Checked when the settings were loaded. */
	if (s->sumdb != FETCH_SUMDB_OFF &&
	    gosumdb_parse(span_of(s->gosumdb), &s->arena, &db, &err) == MG_OK && !db.off) {
		o.sumdb = arena_strdup(&s->arena, span_of(db.key.name));
		o.sumdb_key = arena_printf(&s->arena, "%08x", db.key.hash);
	}
	const char **also = arena_alloc(&s->arena, (s->sumdb_also.n + 1) * sizeof *also);
	for (size_t i = 0; i < s->sumdb_also.n && s->sumdb != FETCH_SUMDB_OFF; i++)
		if (gosumdb_parse(span_of(s->sumdb_also.items[i]), &s->arena, &db, &err) == MG_OK)
			also[o.sumdb_also_n++] = arena_strdup(&s->arena, span_of(db.key.name));
	o.sumdb_also = also;
	o.prove = o.sumdb[0] != '\0';
	o.lenient = s->sumdb == FETCH_SUMDB_WHEN_REACHABLE;
	struct importpage *pages = arena_alloc(&s->arena, (s->go_import.n + 1) * sizeof *pages);
	for (size_t i = 0; i < s->go_import.n; i++)
		MG_ASSERT(importpage_parse(span_of(s->go_import.items[i]), &pages[i], &err) ==
			  MG_OK);
	o.hooks = s->hooks_github[0] != '\0' || s->hooks_gitlab[0] != '\0' ||
		  s->hooks_gitea[0] != '\0';
	o.import_pages = pages;
	o.import_pages_n = s->go_import.n;
	return o;
}

static enum listener_kind kind_of(char listen)
{
	if (listen == ROLE_LISTEN_TLS) return LISTENER_TLS;
	return listen == ROLE_LISTEN_H2C ? LISTENER_H2C : LISTENER_PLAIN;
}

int role_front(char *const *args)
{
	uint64_t workers = 0, certificates = 0, place = 0;
	struct server_listener listeners[SOCKETS_MAX];
	size_t listening = 0;
	int channels[CHANNEL_FDS_MAX];
	struct settings s;

	if (!role_begin(METRICS_FRONT, &s)) return ROLE_EXIT_HOPELESS;
	MG_ASSERT(args[0] != NULL && strlen(args[0]) <= SOCKETS_MAX);
	MG_ASSERT(args[1] != NULL && span_u64(span_of(args[1]), CHANNEL_FDS_MAX, &workers));
	MG_ASSERT(args[2] != NULL && span_u64(span_of(args[2]), 1, &certificates));
	MG_ASSERT(args[3] != NULL && span_u64(span_of(args[3]), METRICS_FRONTS - 1, &place));
	role_count();
	metrics_begin_front((unsigned)place);
	struct front_options options = options_of(&s);
	int fd = ROLE_FD_FIRST;
	for (const char *kind = args[0]; *kind != '\0'; kind++, fd++) {
		if (*kind == ROLE_LISTEN_METRICS)
			options.metrics_fd = fd;
		else
			listeners[listening++] =
				(struct server_listener){ .fd = fd, .kind = kind_of(*kind) };
	}
	for (size_t i = 0; i < workers; i++)
		channels[i] = fd++;
	options.tls_fd = certificates > 0 ? fd : -1;
	role_confine(&s, &(struct sandbox_rules){
				 .readable = (const char *const[]){ s.store },
				 .readable_n = 1,
			 });
	int rc = front_run(&options, listeners, listening, ROLE_FD_CONTROL, channels,
			   (unsigned)workers);
	log_stop();
	settings_deinit(&s);
	return rc;
}
