/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/vcsparts.h"

#include "base/log.h"
#include "cli/vcssettings.h"
#include "vcs/guide.h"

/* A list is refreshed no later than it is old: what the remote said a moment ago answers the questions that come
 * with it. */
#define FRESH_MS   10000
#define FOUND_MS   (10 * 60 * 1000)
#define PER_HOST_S 20
#define FETCH_MAX  ((uint64_t)4 << 30)
#define DEEPEN     ((uint32_t)16 << 20)

const char *vcsparts_folder(struct settings *s)
{
	return arena_printf(&s->arena, "%s/mirrors", s->store);
}

const char *vcsparts_text(struct settings *s, const char *name)
{
	struct mg_buf text = BUF_MAX(256u << 10);
	settings_text(s, settings_find(span_of(name)), &text);
	const char *kept = arena_strdup(&s->arena, buf_span(&text));
	buf_deinit(&text);
	return kept;
}

static const char *file_of(const char *path)
{
	return path[0] != '\0' ? path : NULL;
}

enum mg_code vcsparts_open(struct vcsparts *p, struct settings *s, struct upstream *u, int ruleset,
			   struct mg_err *err)
{
	if (!vcssettings_in_use(s)) return MG_OK;
	const struct guide_options guide = {
		.upstream = u,
		.map = vcsparts_text(s, "vcs.map"),
		.rewrite = vcsparts_text(s, "vcs.rewrite"),
		.govcs = s->govcs,
		.goinsecure = s->goinsecure,
		.private_globs = s->gonoproxy[0] != '\0' ? s->gonoproxy : s->goprivate,
		.credentials = file_of(s->vcs_credentials),
		.netrc = file_of(s->vcs_netrc),
		.known_hosts = file_of(s->vcs_known_hosts),
		.ca_file = file_of(s->upstream_ca_file),
		.found_ms = FOUND_MS,
		.absent_ms = (uint32_t)s->fetch_absent,
	};
	enum mg_code rc = guide_new(&guide, &p->guide, err);
	if (rc != MG_OK) return rc;
	const struct vcs_options options = {
		.folder = vcsparts_folder(s),
		.guide = guide_functions(p->guide),
		.upstream = u,
		.child_ruleset = ruleset,
		.mirrors_max = s->vcs_keep,
		.mirrors_age_s = (uint32_t)(s->vcs_keep_for / 1000),
		.deepen_below = DEEPEN,
		.fresh_ms = s->list_fresh < FRESH_MS ? (uint32_t)s->list_fresh : FRESH_MS,
		.found_ms = FOUND_MS,
		.command_ms = (uint32_t)s->vcs_timeout,
		.fetch_max = FETCH_MAX,
		.per_host = (uint32_t)s->vcs_per_host,
		.per_host_s = PER_HOST_S,
	};
	if (vcs_new(&options, &p->vcs, err) == MG_OK)
		guide_use(p->guide, p->vcs);
	else
		log_warn("no repository is read: private modules, and those of GOPROXY=direct, "
			 "cannot be had but from the store until git is installed (and "
			 "openssh-client for ssh; a container image has neither)",
			 LOG_S("reason", err->text));
	return MG_OK;
}

void vcsparts_close(struct vcsparts *p)
{
	if (p->vcs != NULL) vcs_free(&p->vcs);
	if (p->guide != NULL) guide_free(&p->guide);
}
