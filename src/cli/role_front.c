/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/role.h"

#include "base/check.h"
#include "base/log.h"
#include "cli/sandbox.h"
#include "fetch/fetch.h"
#include "loop/channel.h"
#include "serve/front.h"
#include "sumdb/gosumdb.h"

static struct front_options options_of(struct settings *s)
{
	struct front_options o = FRONT_OPTIONS_DEFAULT;

	o.store_root = s->store;
	o.path_prefix = s->path_prefix;
	o.go_proxy = s->go_proxy_header;
	o.via = s->via;
	o.fresh_ms = (uint32_t)s->list_fresh;
	o.stale_ms = (uint32_t)s->list_stale;
	o.order_timeout_ms = (uint32_t)s->fetch_timeout;
	o.max_connections = (uint32_t)s->max_connections;
	o.hot_bytes = s->hot_cache;
	o.go_get = s->go_get;
	o.metrics = s->metrics_enabled;
	o.metrics_athens = s->metrics_athens;
	o.on_ready = role_ready;
	o.on_alive = role_alive;
	struct gosumdb db;
	struct mg_err err;
	/* Checked when the settings were loaded. */
	if (s->sumdb != FETCH_SUMDB_OFF &&
	    gosumdb_parse(span_of(s->gosumdb), &s->arena, &db, &err) == MG_OK && !db.off) {
		o.sumdb = arena_strdup(&s->arena, span_of(db.key.name));
		o.sumdb_key = arena_printf(&s->arena, "%08x", db.key.hash);
	}
	o.prove = o.sumdb[0] != '\0';
	o.lenient = s->sumdb == FETCH_SUMDB_WHEN_REACHABLE;
	o.nosumdb = s->gonosumdb[0] != '\0' ? s->gonosumdb : s->goprivate;
	return o;
}

int role_front(char *const *args)
{
	uint64_t listening = 0, workers = 0;
	int fds[SETTINGS_LISTEN_MAX + 1 + CHANNEL_FDS_MAX];
	struct settings s;

	if (!role_begin(METRICS_FRONT, &s)) return ROLE_EXIT_HOPELESS;
	MG_ASSERT(args[0] != NULL &&
		  span_u64(span_of(args[0]), SETTINGS_LISTEN_MAX + 1, &listening));
	MG_ASSERT(args[1] != NULL && span_u64(span_of(args[1]), CHANNEL_FDS_MAX, &workers));
	for (size_t i = 0; i < listening + workers; i++)
		fds[i] = ROLE_FD_FIRST + (int)i;

	struct front_options options = options_of(&s);
	const bool apart = settings_metrics_apart(&s);
	if (apart) options.metrics_fd = fds[listening - 1];
	role_confine(&s, &(struct sandbox_rules){
				 .readable = (const char *const[]){ s.store },
				 .readable_n = 1,
			 });
	int rc = front_run(&options, fds, listening - (apart ? 1 : 0), ROLE_FD_CONTROL,
			   fds + listening, (unsigned)workers);
	log_stop();
	settings_deinit(&s);
	return rc;
}
