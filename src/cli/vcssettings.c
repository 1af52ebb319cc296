/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/vcssettings.h"

#include <errno.h>
#include <unistd.h>

#include "crypto/secretfile.h"
#include "fetch/hook.h"
#include "gomod/govcs.h"
#include "gomod/pattern.h"
#include "gomod/proxylist.h"
#include "upstream/reach.h"
#include "vcs/credential.h"
#include "vcs/mapping.h"

static void note(struct draft *d, const char *name, const struct mg_err *err)
{
	draft_note(d, LOG_LEVEL_ERROR, "%s: %s: %s", draft_from(d, name), name, err->text);
}

/* The others are served all the same. */
static void note_secret(void *arg, const struct mg_err *err)
{
	struct draft *d = arg;

	draft_note(d, LOG_LEVEL_WARN, "%s: vcs.credentials: %s", draft_from(d, "vcs.credentials"),
		   err->text);
}

static void check_credentials(struct draft *d)
{
	const struct settings *s = &d->settings;
	const char *known_hosts = s->vcs_known_hosts[0] != '\0' ? s->vcs_known_hosts : NULL;
	struct mg_err err;

	if (s->vcs_credentials[0] != '\0' &&
	    credential_check(s->vcs_credentials, known_hosts, note_secret, d, &err) != MG_OK)
		note(d, "vcs.credentials", &err);
}

static void check_netrc(struct draft *d)
{
	struct mg_buf bytes = BUF_MAX(SECRETFILE_MAX + 1);
	const char *path = d->settings.vcs_netrc;
	struct mg_err err;

	if (path[0] != '\0' && secretfile_read(path, &bytes, &err) != MG_OK)
		note(d, "vcs.netrc", &err);
	secretfile_forget(&bytes);
}

static void check_known_hosts(struct draft *d)
{
	const char *path = d->settings.vcs_known_hosts;

	if (path[0] != '\0' && access(path, R_OK) != 0)
		draft_note(d, LOG_LEVEL_ERROR, "%s: vcs.known-hosts: %s: %s",
			   draft_from(d, "vcs.known-hosts"), path, strerror(errno));
}

static void check_hook(struct draft *d, const char *name, const char *path)
{
	struct mg_buf line = BUF_MAX(HOOK_SECRET_MAX);
	struct mg_err err;

	if (path[0] != '\0' && secretfile_read_line(path, &line, &err) != MG_OK)
		note(d, name, &err);
	secretfile_forget(&line);
}

static void check_networks(struct draft *d)
{
	struct mg_buf text = BUF_MAX(256u << 10);
	struct mg_err err;

	settings_text(&d->settings, settings_find(SPAN("vcs.networks")), &text);
	if (reach_check_networks(buf_span(&text), &err) != MG_OK) note(d, "vcs.networks", &err);
	buf_deinit(&text);
}

static void check_map(struct draft *d)
{
	struct mg_buf map = BUF_MAX(256u << 10), rewrite = BUF_MAX(256u << 10);
	struct mapping parsed;
	struct mg_err err;

	settings_text(&d->settings, settings_find(SPAN("vcs.map")), &map);
	settings_text(&d->settings, settings_find(SPAN("vcs.rewrite")), &rewrite);
	if (mapping_parse(buf_span(&map), SPAN(""), &d->settings.arena, &parsed, &err) != MG_OK)
		note(d, "vcs.map", &err);
	if (mapping_parse(SPAN(""), buf_span(&rewrite), &d->settings.arena, &parsed, &err) != MG_OK)
		note(d, "vcs.rewrite", &err);
	buf_deinit(&map);
	buf_deinit(&rewrite);
}

static void check_govcs(struct draft *d)
{
	struct govcs policy;
	struct mg_err err;

	if (govcs_parse(span_of(d->settings.govcs), &d->settings.arena, &policy, &err) != MG_OK)
		note(d, "govcs", &err);
}

static void check_globs(struct draft *d, const char *name, const char *globs)
{
	struct mg_err err;

	if (pattern_check(span_of(globs), &err) != MG_OK) note(d, name, &err);
}

bool vcssettings_in_use(const struct settings *s)
{
	struct proxylist list;
	struct arena a = ARENA_INIT;
	struct mg_err err;
	const char *private = s->gonoproxy[0] != '\0' ? s->gonoproxy : s->goprivate;
	bool found = private[0] != '\0';

	if (s->offline) return false;
	if (!found && proxylist_parse(span_of(s->goproxy), &a, &list, &err) == MG_OK)
		found = list.entries[list.n - 1].kind == PROXYLIST_DIRECT;
	arena_deinit(&a);
	return found;
}

void vcssettings_check(struct draft *d)
{
	const struct settings *s = &d->settings;

	check_credentials(d);
	check_netrc(d);
	check_known_hosts(d);
	check_hook(d, "hooks.github", s->hooks_github);
	check_hook(d, "hooks.gitlab", s->hooks_gitlab);
	check_hook(d, "hooks.gitea", s->hooks_gitea);
	check_globs(d, "goprivate", s->goprivate);
	check_globs(d, "gonoproxy", s->gonoproxy);
	check_globs(d, "gonosumdb", s->gonosumdb);
	check_globs(d, "goinsecure", s->goinsecure);
	check_networks(d);
	check_map(d);
	check_govcs(d);
}
