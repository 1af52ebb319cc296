/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetchparts.h"

#include "crypto/random.h"
#include "fetch/hook.h"

struct upstream_options fetchparts_upstream(struct settings *s)
{
	return (struct upstream_options){
		.connect_ms = (uint32_t)s->upstream_connect_timeout,
		.first_byte_ms = (uint32_t)s->upstream_first_byte_timeout,
		.stall_ms = (uint32_t)s->upstream_stall_timeout,
		.retries = (uint32_t)s->upstream_retries,
		.redirects = (uint32_t)s->upstream_redirects,
		.per_host = (uint32_t)s->upstream_per_host,
		.queue_ms = (uint32_t)s->upstream_queue_timeout,
		.breaker_failures = (uint32_t)s->upstream_breaker_failures,
		.breaker_open_ms = (uint32_t)s->upstream_breaker_open,
		.user_agent = "modgate/" MODGATE_VERSION,
		.via = arena_printf(&s->arena, "1.1 %s", s->via),
		.ca_file = s->upstream_ca_file[0] != '\0' ? s->upstream_ca_file : NULL,
		.networks = vcsparts_text(s, "vcs.networks"),
	};
}

struct fetch_options fetchparts_fetch(const struct settings *s)
{
	return (struct fetch_options){
		/* Offline there is still an Athens tree to adopt from, and lists to make of what is
		 * stored. */
		.goproxy = s->offline ? "off" : s->goproxy,
		.offline = s->offline,
		.private = s->gonoproxy[0] != '\0' ? s->gonoproxy : s->goprivate,
		.gosumdb = s->gosumdb,
		.sumdb_also = s->sumdb_also.items,
		.sumdb_also_n = s->sumdb_also.n,
		.nosumdb = s->gonosumdb[0] != '\0' ? s->gonosumdb : s->goprivate,
		.sumdb = (enum fetch_sumdb)s->sumdb,
		.absent_ms = (uint32_t)s->fetch_absent,
		.denied_ms = (uint32_t)s->fetch_denied,
		.down_ms = (uint32_t)s->fetch_down,
		.threads = (unsigned)s->fetch_threads,
		.stream_above = s->stream_above,
		.prefetch = s->prefetch,
		.go_get = s->go_get,
		.hook_secrets = { [HOOK_GITHUB] = s->hooks_github,
				  [HOOK_GITLAB] = s->hooks_gitlab,
				  [HOOK_GITEA] = s->hooks_gitea },
	};
}

const char *fetchparts_via(struct arena *a)
{
	uint32_t bits;

	random_bytes(&bits, sizeof bits);
	return arena_printf(a, "modgate-%08x", bits);
}

enum mg_code fetchparts_open(struct fetchparts *p, struct settings *s, struct mg_err *err)
{
	enum mg_code rc = store_open(s->store, STORE_WRITE, &p->store, err);

	if (rc == MG_OK) rc = negative_open(s->store, &p->negative, err);
	if (rc != MG_OK) return rc;
	const struct upstream_options upstream = fetchparts_upstream(s);
	p->options = fetchparts_fetch(s);
	p->upstream = upstream_new(&upstream);
	rc = vcsparts_open(&p->vcs, s, p->upstream, -1, err);
	if (rc != MG_OK) return rc;
	p->options.vcs = p->vcs.vcs;
	return job_means_open(&p->means, &p->options, p->store, p->upstream, p->negative, &s->arena,
			      err);
}

void fetchparts_close(struct fetchparts *p)
{
	job_means_close(&p->means);
	vcsparts_close(&p->vcs);
	upstream_free(&p->upstream);
	negative_close(&p->negative);
	store_close(&p->store);
}
