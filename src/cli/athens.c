/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/athens.h"

#include "base/check.h"
#include "cli/envlist.h"

/* Names and meanings: pkg/config/config.go and config.dev.toml of Athens 0.18. */
struct athens_name {
	const char *name;
	/* One of three: a setting that takes the value as it is, a function, or a text alone. */
	const char *setting;
	void (*apply)(struct draft *d, const struct athens_name *a, const char *value);
	enum log_level level;
	const char *text;
};

static void take(struct draft *d, const struct athens_name *a, const char *setting,
		 const char *value)
{
	const struct settings_def *def = settings_find(span_of(setting));
	MG_ASSERT(def != NULL);
	size_t errors = d->errors;
	draft_set(d, def, span_of(value), draft_printf(d, "environment %s", a->name));
	if (d->errors == errors)
		draft_note(d, LOG_LEVEL_INFO, "%s is taken as the setting %s", a->name, setting);
}

static void apply_port(struct draft *d, const struct athens_name *a, const char *value)
{
	/* Athens listens on every address; ":3000" and "3000" mean the same to it. */
	take(d, a, "listen", draft_printf(d, "%s%s", value[0] == ':' ? "" : ":", value));
}

static void apply_storage_type(struct draft *d, const struct athens_name *a, const char *value)
{
	if (strcmp(value, "disk") == 0)
		draft_note(d, LOG_LEVEL_INFO, "%s=disk: modgate always stores on disk", a->name);
	else if (strcmp(value, "memory") == 0)
		draft_note(
			d, LOG_LEVEL_WARN,
			"%s=memory: modgate keeps what it fetches on disk; see the setting store",
			a->name);
	else
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s=%s: modgate has no such storage; copy the modules to a disk, run "
			   "`modgate import DIR` and set %s=disk",
			   a->name, value, a->name);
}

static void apply_download_mode(struct draft *d, const struct athens_name *a, const char *value)
{
	if (strcmp(value, "none") == 0)
		take(d, a, "offline", "true");
	else if (strcmp(value, "sync") == 0 || strcmp(value, "async") == 0)
		draft_note(d, LOG_LEVEL_INFO,
			   "%s=%s: modgate fetches what is missing while the client waits", a->name,
			   value);
	else if (strcmp(value, "redirect") == 0 || strcmp(value, "async_redirect") == 0)
		draft_note(d, LOG_LEVEL_WARN,
			   "%s=%s: modgate never redirects, it fetches and keeps what is missing",
			   a->name, value);
	else
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s=%.60s: rules for single modules are not supported yet: refusing to "
			   "run without the restrictions you had; set it to sync or none",
			   a->name, value);
}

static void apply_network_mode(struct draft *d, const struct athens_name *a, const char *value)
{
	draft_note(
		d, LOG_LEVEL_INFO,
		"%s=%s: modgate lists what its upstreams and its store have, and the store alone "
		"while no upstream answers; the setting offline turns upstreams off",
		a->name, value);
}

static void apply_log_level(struct draft *d, const struct athens_name *a, const char *value)
{
	static const char *const words[][2] = {
		{ "trace", "debug" }, { "debug", "debug" },  { "info", "info" },
		{ "warn", "warn" },   { "warning", "warn" }, { "error", "error" },
		{ "fatal", "error" }, { "panic", "error" },
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(value, words[i][0]) == 0) {
			take(d, a, "log.level", words[i][1]);
			return;
		}
	draft_note(d, LOG_LEVEL_WARN, "%s=%s: no such level; the setting log.level stands", a->name,
		   value);
}

static void apply_log_format(struct draft *d, const struct athens_name *a, const char *value)
{
	take(d, a, "log.format", strcmp(value, "json") == 0 ? "json" : "logfmt");
}

static void apply_seconds(struct draft *d, const struct athens_name *a, const char *value)
{
	take(d, a, "drain-timeout", draft_printf(d, "%ss", value));
}

/* "GOPROXY=https://a,direct;GOFLAGS=-x": variables for the go commands that Athens runs. */
static void apply_go_variables(struct draft *d, const struct athens_name *a, const char *value)
{
	struct mg_span rest = span_of(value);

	while (rest.p != NULL) {
		struct mg_span text = span_trim(span_cut(&rest, ';'));
		struct mg_span name = span_cut(&text, '=');
		const struct settings_def *def = NULL;
		for (size_t i = 0; i < settings_count() && text.p != NULL && def == NULL; i++) {
			const char *go_name = settings_def(i)->go_name;
			if (go_name != NULL && span_eq(name, span_of(go_name)))
				def = settings_def(i);
		}
		if (def != NULL)
			take(d, a, def->name, arena_strdup(&d->settings.arena, text));
		else if (name.n > 0)
			draft_note(d, LOG_LEVEL_WARN,
				   "%s: %.*s has no meaning here: modgate runs no go command",
				   a->name, SPAN_ARG(name));
	}
}

#define REFUSE                                                                                     \
	"not supported yet: refusing to run without the protection you had; unset it to go on"
#define NEEDLESS "not needed: "

static const struct athens_name names[] = {
	{ "ATHENS_DISK_STORAGE_ROOT", .setting = "store" },
	{ "ATHENS_PATH_PREFIX", .setting = "path-prefix" },
	{ "ATHENS_GONOSUM_PATTERNS", .setting = "gonosumdb" },
	{ "ATHENS_NETRC_PATH", .setting = "vcs.netrc" },
	{ "ATHENS_PORT", .apply = apply_port },
	{ "ATHENS_TLSCERT_FILE", .setting = "tls.cert" },
	{ "ATHENS_TLSKEY_FILE", .setting = "tls.key" },
	{ "ATHENS_STORAGE_TYPE", .apply = apply_storage_type },
	{ "ATHENS_DOWNLOAD_MODE", .apply = apply_download_mode },
	{ "ATHENS_NETWORK_MODE", .apply = apply_network_mode },
	{ "ATHENS_LOG_LEVEL", .apply = apply_log_level },
	{ "ATHENS_LOG_FORMAT", .apply = apply_log_format },
	{ "ATHENS_SHUTDOWN_TIMEOUT", .apply = apply_seconds },
	{ "ATHENS_GO_BINARY_ENV_VARS", .apply = apply_go_variables },

	{ "BASIC_AUTH_USER", .level = LOG_LEVEL_ERROR, .text = REFUSE },
	{ "BASIC_AUTH_PASS", .level = LOG_LEVEL_ERROR, .text = REFUSE },
	{ "ATHENS_FILTER_FILE", .level = LOG_LEVEL_ERROR, .text = REFUSE },
	{ "ATHENS_PROXY_VALIDATOR", .level = LOG_LEVEL_ERROR, .text = REFUSE },
	{ "ATHENS_UNIX_SOCKET", .level = LOG_LEVEL_ERROR,
	  .text = "modgate serves over TCP only; unset it and use the setting listen" },

	{ "ATHENS_GITHUB_TOKEN", .level = LOG_LEVEL_WARN,
	  .text = "ignored: secrets are read from files; put the token into one and name it in "
		  "vcs.credentials: https://github.com token FILE" },
	{ "ATHENS_HGRC_PATH", .level = LOG_LEVEL_WARN,
	  .text = "ignored: modgate does not fetch from Mercurial" },
	{ "ATHENS_SUM_DBS", .level = LOG_LEVEL_WARN,
	  .text = "ignored: modgate does not pass checksum databases on yet" },
	{ "ATHENS_GOGET_WORKERS", .level = LOG_LEVEL_INFO,
	  .text = NEEDLESS "modgate runs no go command; see vcs.per-host" },
	{ "ATHENS_GOGET_DIR", .level = LOG_LEVEL_INFO,
	  .text = NEEDLESS "mirrors of repositories are in the store" },
	{ "ATHENS_PROTOCOL_WORKERS", .level = LOG_LEVEL_INFO,
	  .text = NEEDLESS "see the setting upstream.per-host" },
	{ "ATHENS_SINGLE_FLIGHT_TYPE", .level = LOG_LEVEL_INFO,
	  .text = NEEDLESS "one modgate asks once for whatever number of clients" },
	{ "ATHENS_INDEX_TYPE", .level = LOG_LEVEL_INFO, .text = NEEDLESS "modgate has no index" },
	{ "ATHENS_CLOUD_RUNTIME", .level = LOG_LEVEL_INFO, .text = NEEDLESS "see log.format" },
	{ "ATHENS_TIMEOUT", .level = LOG_LEVEL_INFO, .text = NEEDLESS "see fetch.timeout" },
	{ "ATHENS_STASH_TIMEOUT", .level = LOG_LEVEL_INFO, .text = NEEDLESS "see fetch.timeout" },
};

void athens_apply(struct draft *d, char *const *envp)
{
	for (size_t i = 0; envp[i] != NULL; i++) {
		struct mg_span value = span_of(envp[i]);
		struct mg_span name = span_cut(&value, '=');
		const struct athens_name *known = NULL;
		for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
			if (span_eq(name, span_of(names[k].name))) known = &names[k];
		bool theirs = known != NULL || span_has_prefix(name, SPAN("ATHENS_"));
		if (!theirs || value.n == 0 || envlist_is_service_link(name, value)) continue;
		if (known == NULL)
			draft_note(d, LOG_LEVEL_WARN,
				   "%.*s is ignored: modgate has no such setting", SPAN_ARG(name));
		else if (known->setting != NULL)
			take(d, known, known->setting, value.p);
		else if (known->apply != NULL)
			known->apply(d, known, value.p);
		else
			draft_note(d, known->level, "%s: %s", known->name, known->text);
	}
	/* Athens speaks TLS on its one port when it has a certificate. */
	if (envlist_get(envp, "ATHENS_TLSCERT_FILE") != NULL &&
	    envlist_get(envp, "ATHENS_PORT") != NULL && d->settings.listen.n == 1)
		draft_set(d, settings_find(SPAN("listen")),
			  span_of(draft_printf(d, "https://%s", d->settings.listen.items[0])),
			  draft_from(d, "listen"));
	if (envlist_get(envp, "ATHENS_DISK_STORAGE_ROOT") != NULL &&
	    envlist_get(envp, "ATHENS_PORT") == NULL && !draft_is_set(d, "listen"))
		draft_note(d, LOG_LEVEL_WARN,
			   "Athens would listen on port 3000 of every address; modgate serves this "
			   "machine only unless listen says otherwise (listen: :3000)");
}
