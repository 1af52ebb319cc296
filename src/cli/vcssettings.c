/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/vcssettings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gomod/govcs.h"
#include "gomod/proxylist.h"
#include "upstream/reach.h"
#include "vcs/credential.h"
#include "vcs/mapping.h"

#define CREDENTIALS_MAX (1u << 20)

/* What is secret is no secret when others of this machine may read it. */
static void check_secret(struct draft *d, const char *name, const char *path)
{
	struct stat st;

	if (path[0] == '\0') return;
	if (stat(path, &st) != 0)
		draft_note(d, LOG_LEVEL_ERROR, "%s: %s: %s: %s", draft_from(d, name), name, path,
			   strerror(errno));
	else if (!S_ISREG(st.st_mode))
		draft_note(d, LOG_LEVEL_ERROR, "%s: %s: %s is no file", draft_from(d, name), name,
			   path);
	else if ((st.st_mode & 07) != 0)
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: %s: %s can be read by every user of this machine: chmod o= it",
			   draft_from(d, name), name, path);
}

static void check_networks(struct draft *d)
{
	struct mg_buf text = BUF_MAX(256u << 10);
	struct mg_err err;

	settings_text(&d->settings, settings_find(SPAN("vcs.networks")), &text);
	if (reach_check_networks(buf_span(&text), &err) != MG_OK)
		draft_note(d, LOG_LEVEL_ERROR, "%s: vcs.networks: %s",
			   draft_from(d, "vcs.networks"), err.text);
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
		draft_note(d, LOG_LEVEL_ERROR, "%s: vcs.map: %s", draft_from(d, "vcs.map"),
			   err.text);
	if (mapping_parse(SPAN(""), buf_span(&rewrite), &d->settings.arena, &parsed, &err) != MG_OK)
		draft_note(d, LOG_LEVEL_ERROR, "%s: vcs.rewrite: %s", draft_from(d, "vcs.rewrite"),
			   err.text);
	buf_deinit(&map);
	buf_deinit(&rewrite);
}

static void check_govcs(struct draft *d)
{
	struct govcs policy;
	struct mg_err err;

	if (govcs_parse(span_of(d->settings.govcs), &d->settings.arena, &policy, &err) != MG_OK)
		draft_note(d, LOG_LEVEL_ERROR, "%s: govcs: %s", draft_from(d, "govcs"), err.text);
}

/* What it says; that it can be read was looked at. */
static void check_credentials(struct draft *d)
{
	struct mg_buf text = BUF_MAX(CREDENTIALS_MAX);
	const char *path = d->settings.vcs_credentials;
	const int fd = path[0] != '\0' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	struct mg_err err;
	char *room;
	ssize_t n = 0;

	if (fd < 0) return;
	while ((room = buf_reserve(&text, 4096)) != NULL && (n = read(fd, room, 4096)) > 0)
		text.n += (size_t)n;
	close(fd);
	if (n == 0 && credential_check(buf_span(&text), &err) != MG_OK)
		draft_note(d, LOG_LEVEL_ERROR, "%s: vcs.credentials: %s: %s",
			   draft_from(d, "vcs.credentials"), path, err.text);
	buf_deinit(&text);
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

	check_secret(d, "vcs.credentials", s->vcs_credentials);
	check_secret(d, "vcs.netrc", s->vcs_netrc);
	check_secret(d, "hooks.github", s->hooks_github);
	check_secret(d, "hooks.gitlab", s->hooks_gitlab);
	check_secret(d, "hooks.gitea", s->hooks_gitea);
	check_networks(d);
	check_map(d);
	check_govcs(d);
	check_credentials(d);
}
