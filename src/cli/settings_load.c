/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/settings_load.h"

#include "cli/athens.h"
#include "cli/envlist.h"
#include "cli/gosettings.h"
#include "cli/nearest.h"
#include "cli/settings_file.h"
#include "cli/sockets.h"
#include "cli/tlssettings.h"
#include "cli/vcssettings.h"
#include "fetch/fetch.h"
#include "http/listener.h"
#include "http/unixlistener.h"
#include "serve/importpage.h"
#include "sumdb/gosumdb.h"
#include "wire/iptext.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_named(struct draft *d, const char *name, const char *text, const char *from)
{
	draft_set(d, settings_find(span_of(name)), span_of(text), from);
}

static bool have_ipv6_loopback(void)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return false;
	bool ok = bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0;
	close(fd);
	return ok;
}

/* Loopback only: whoever opens the gate to a network says so. */
static void default_listen(struct draft *d)
{
	set_named(d, "listen",
		  have_ipv6_loopback() ? "127.0.0.1:3000,[::1]:3000" : "127.0.0.1:3000",
		  DRAFT_DEFAULT);
}

static void default_store(struct draft *d, char *const *envp)
{
	const char *state = envlist_get(envp, "STATE_DIRECTORY"); /* systemd.exec(5) */
	const char *data = envlist_get(envp, "XDG_DATA_HOME");
	const char *home = envlist_get(envp, "HOME");

	if (state != NULL)
		set_named(d, "store", draft_printf(d, "%.*s", (int)strcspn(state, ":"), state),
			  "environment STATE_DIRECTORY");
	else if (getuid() == 0)
		set_named(d, "store", "/var/lib/modgate", "default");
	else if (data != NULL && data[0] == '/')
		set_named(d, "store", draft_printf(d, "%s/modgate", data), DRAFT_DEFAULT);
	else if (home != NULL)
		set_named(d, "store", draft_printf(d, "%s/.local/share/modgate", home),
			  DRAFT_DEFAULT);
}

/* --- flags --- */

static void unknown_flag(struct draft *d, struct mg_span flag)
{
	const struct settings_def *near = settings_nearest(span_from(flag, 2));
	struct mg_buf name = BUF_MAX(128);

	if (near != NULL) {
		buf_append_str(&name, "; did you mean ");
		settings_flag_name(near, &name);
		buf_append_char(&name, '?');
	} else {
		buf_append_str(&name, "; `modgate help` lists them all");
	}
	draft_note(d, LOG_LEVEL_ERROR, "unknown flag %.*s%s", SPAN_ARG(flag), buf_cstr(&name));
	buf_deinit(&name);
}

/* A password in argv is open to every user of the machine. The scheme may be left out of a URL. */
static bool has_user_info(const char *value)
{
	return strchr(value, '@') != NULL;
}

static void set_flag(struct draft *d, const struct settings_def *def, struct mg_span flag,
		     const char *value)
{
	const char *from = draft_printf(d, "flag %.*s", SPAN_ARG(flag));
	bool again = d->from[settings_index(def)] != NULL &&
		     strcmp(d->from[settings_index(def)], from) == 0;

	if (def->secret && has_user_info(value)) {
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: credentials on the command line can be read by every user of the "
			   "machine; put them into modgate.yaml or the environment",
			   from);
	} else if (again && settings_is_list(def)) {
		struct mg_buf all = BUF_MAX(64u << 10);
		settings_text(&d->settings, def, &all);
		buf_printf(&all, ",%s", value);
		draft_set(d, def, buf_span(&all), from);
		buf_deinit(&all);
	} else {
		draft_set(d, def, span_of(value), from);
	}
}

/* `--name value`, `--name=value`; a bool may stand alone. */
static void apply_flags(struct draft *d, char *const *args)
{
	for (; *args != NULL; args++) {
		const char *eq = strchr(*args, '=');
		struct mg_span flag = eq ? span_make(*args, (size_t)(eq - *args)) : span_of(*args);
		if (!span_has_prefix(flag, SPAN("--"))) {
			draft_note(d, LOG_LEVEL_ERROR, "unexpected argument \"%s\"", *args);
			continue;
		}
		const struct settings_def *def = settings_find_flag(flag);
		bool config = span_eq(flag, SPAN("--config"));
		if (def == NULL && !config) unknown_flag(d, flag);
		const char *value = eq ? eq + 1 : NULL;
		if (value == NULL && def != NULL && def->kind == SETTINGS_BOOL)
			value = "true";
		else if (value == NULL && args[1] != NULL &&
			 (def != NULL || config || args[1][0] != '-'))
			value = *++args;
		if (value == NULL && (def != NULL || config))
			draft_note(d, LOG_LEVEL_ERROR, "%.*s needs a value", SPAN_ARG(flag));
		else if (def != NULL)
			set_flag(d, def, flag, value);
	}
}

/* --- files and environment --- */

static const char *config_flag(char *const *args)
{
	const char *path = NULL;
	for (; *args != NULL; args++) {
		if (strncmp(*args, "--config=", 9) == 0)
			path = *args + 9;
		else if (strcmp(*args, "--config") == 0 && args[1] != NULL)
			path = *++args;
	}
	return path;
}

/* A file that was named must be there; the usual places may be empty. */
static void apply_file(struct draft *d, char *const *args, char *const *envp)
{
	const char *path = config_flag(args);
	if (path == NULL) path = envlist_get(envp, "MODGATE_CONFIG");
	if (path == NULL && getuid() != 0) {
		const char *xdg = envlist_get(envp, "XDG_CONFIG_HOME");
		const char *home = envlist_get(envp, "HOME");
		if (xdg != NULL && xdg[0] == '/')
			path = draft_printf(d, "%s/modgate/modgate.yaml", xdg);
		else if (home != NULL)
			path = draft_printf(d, "%s/.config/modgate/modgate.yaml", home);
		if (path != NULL && access(path, F_OK) != 0) path = NULL;
	}
	if (path == NULL && access("/etc/modgate/modgate.yaml", F_OK) == 0)
		path = "/etc/modgate/modgate.yaml";
	if (path != NULL) settings_file_apply(d, path);
}

static void apply_environment(struct draft *d, char *const *envp)
{
	struct mg_buf name = BUF_MAX(128);

	for (size_t i = 0; i < settings_count(); i++) {
		buf_clear(&name);
		settings_env_name(settings_def(i), &name);
		const char *value = envlist_get(envp, buf_cstr(&name));
		if (value != NULL)
			draft_set(d, settings_def(i), span_of(value),
				  draft_printf(d, "environment %s", buf_cstr(&name)));
	}
	buf_deinit(&name);
}

/* Names of ours that mean nothing are told, not refused: an environment is shared with others. */
static void tell_unknown_environment(struct draft *d, char *const *envp)
{
	struct mg_buf known = BUF_MAX(128);

	for (; *envp != NULL; envp++) {
		struct mg_span value = span_of(*envp);
		struct mg_span name = span_cut(&value, '=');
		bool ours = span_has_prefix(name, SPAN("MODGATE_")) &&
			    !span_eq(name, SPAN("MODGATE_CONFIG")) &&
			    !envlist_is_service_link(name, value);
		const char *near = NULL;
		size_t near_distance = SIZE_MAX;
		for (size_t i = 0; i < settings_count() && ours; i++) {
			buf_clear(&known);
			settings_env_name(settings_def(i), &known);
			size_t distance = nearest_distance(name, buf_span(&known));
			ours = distance != 0;
			if (nearest_plausible(name, buf_span(&known), distance) &&
			    distance < near_distance) {
				near_distance = distance;
				near = settings_def(i)->name;
			}
		}
		if (ours)
			draft_note(d, LOG_LEVEL_WARN,
				   "environment %.*s is ignored: no such setting%s%s%s",
				   SPAN_ARG(name), near ? "; the nearest is \"" : "",
				   near ? near : "", near ? "\"" : "");
	}
	buf_deinit(&known);
}

/* --- what must hold between settings --- */

/* What http/listener.h opens, so that a mistake is found before anything is started. */
static bool is_listen_address(struct mg_span text)
{
	if (unixlistener_is(text)) return true;
	struct mg_buf host = BUF_MAX(64);
	ptrdiff_t colon = span_last_index(text, ':');
	uint64_t port;
	unsigned char ip[16];

	if (colon < 0 || !span_u64(span_from(text, (size_t)colon + 1), 65535, &port)) return false;
	struct mg_span name = span_first(text, (size_t)colon);
	bool bracketed = name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
	if (bracketed) name = span_make(name.p + 1, name.n - 2);
	if (!bracketed && (name.n == 0 || span_eq(name, SPAN("localhost")))) return true;
	bool ok = buf_append(&host, name) &&
		  inet_pton(bracketed ? AF_INET6 : AF_INET, buf_cstr(&host), ip) == 1;
	buf_deinit(&host);
	return ok;
}

/* Does an item before that one name the same address? */
static bool is_repeated(const struct settings_list *listen, size_t at, struct mg_span address)
{
	for (size_t i = 0; i < at; i++) {
		enum listener_kind kind;
		if (span_eq(address, listener_strip_scheme(span_of(listen->items[i]), &kind)))
			return true;
	}
	return false;
}

static void check_listen(struct draft *d)
{
	const struct settings_list *listen = &d->settings.listen;

	if (listen->n > SETTINGS_LISTEN_MAX)
		draft_note(d, LOG_LEVEL_ERROR, "%s: listen: more than %d addresses",
			   draft_from(d, "listen"), SETTINGS_LISTEN_MAX);
	for (size_t i = 0; i < listen->n; i++) {
		enum listener_kind kind;
		struct mg_span address = listener_strip_scheme(span_of(listen->items[i]), &kind);
		if (!sockets_is_given(address) && !is_listen_address(address))
			draft_note(d, LOG_LEVEL_ERROR,
				   "%s: listen: expected an address such as 127.0.0.1:3000, "
				   "[::1]:3000, :3000, https://:3443, h2c://:3000 or "
				   "unix:/run/modgate.sock, "
				   "not \"%s\"",
				   draft_from(d, "listen"), listen->items[i]);
		else if (is_repeated(listen, i, address))
			draft_note(
				d, LOG_LEVEL_ERROR,
				"%s: listen: %.*s is named twice: one address serves one kind of "
				"connections",
				draft_from(d, "listen"), SPAN_ARG(address));
	}
	const struct mg_span metrics = span_of(d->settings.metrics_listen);
	if (metrics.n > 0 && !is_listen_address(metrics))
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: metrics.listen: expected an address such as 127.0.0.1:9090, not "
			   "\"%.*s\"",
			   draft_from(d, "metrics.listen"), SPAN_ARG(metrics));
	else if (metrics.n > 0 && is_repeated(listen, listen->n, metrics))
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: metrics.listen: %.*s is an address of listen: leave metrics.listen "
			   "out to have both there, or name another",
			   draft_from(d, "metrics.listen"), SPAN_ARG(metrics));
}

static void check_networks(struct draft *d, const char *name, const struct settings_list *list)
{
	struct iptext_net net;

	for (size_t i = 0; i < list->n; i++)
		if (!iptext_net_parse(span_of(list->items[i]), &net))
			draft_note(
				d, LOG_LEVEL_ERROR,
				"%s: %s: expected a network such as 10.0.0.0/8, 2001:db8::/32 (no "
				"bits behind the mask), an address, or unix, not \"%s\"",
				draft_from(d, name), name, list->items[i]);
}

static void check_listen_mode(struct draft *d)
{
	const char *mode = d->settings.listen_mode;
	const size_t n = strlen(mode);

	if (n < 3 || n > 4 || strspn(mode, "01234567") != n)
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: listen-mode: expected three or four octal digits such as 0660, not "
			   "\"%s\"",
			   draft_from(d, "listen-mode"), mode);
}

static void check_pairs(struct draft *d)
{
	struct mg_buf text = BUF_MAX(4096);

	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		if (def->needs == NULL) continue;
		buf_clear(&text);
		settings_text(&d->settings, def, &text);
		bool given = text.n > 0;
		buf_clear(&text);
		settings_text(&d->settings, settings_find(span_of(def->needs)), &text);
		if (given && text.n == 0)
			draft_note(d, LOG_LEVEL_ERROR, "%s: %s is half a pair: it needs %s too",
				   d->from[i], def->name, def->needs);
	}
	buf_deinit(&text);
}

static void check_path_prefix(struct draft *d)
{
	struct mg_span prefix = span_of(d->settings.path_prefix);
	bool ok = prefix.n == 0 || (prefix.p[0] == '/' && !span_has_suffix(prefix, SPAN("/")));
	for (size_t i = 0; i < prefix.n && ok; i++)
		ok = strchr(" ?#%", prefix.p[i]) == NULL && (unsigned char)prefix.p[i] < 0x7f;
	if (!ok)
		draft_note(
			d, LOG_LEVEL_ERROR,
			"%s: path-prefix: expected a path such as /go that begins with a slash and "
			"ends without, not \"%s\"",
			draft_from(d, "path-prefix"), d->settings.path_prefix);
}

static void check_gosumdb(struct draft *d)
{
	struct gosumdb db;
	struct mg_err err;

	if (gosumdb_parse(span_of(d->settings.gosumdb), &d->settings.arena, &db, &err) != MG_OK)
		draft_note(d, LOG_LEVEL_ERROR, "%s: gosumdb: %s", draft_from(d, "gosumdb"),
			   err.text);
	else if (db.off && d->settings.sumdb == FETCH_SUMDB_REQUIRED)
		draft_note(d, LOG_LEVEL_WARN,
			   "%s: GOSUMDB is off: no module is proven by a checksum database",
			   draft_from(d, "gosumdb"));
}

static void check_sumdb_also(struct draft *d)
{
	const struct settings_list *also = &d->settings.sumdb_also;
	const char *from = draft_from(d, "sumdb-also");
	struct gosumdb db, other;
	struct mg_err err;

	if (also->n > FETCH_SUMDB_ALSO_MAX)
		draft_note(d, LOG_LEVEL_ERROR, "%s: sumdb-also: at most %d", from,
			   FETCH_SUMDB_ALSO_MAX);
	for (size_t i = 0; i < also->n; i++) {
		if (gosumdb_parse(span_of(also->items[i]), &d->settings.arena, &db, &err) !=
			    MG_OK ||
		    db.off) {
			draft_note(d, LOG_LEVEL_ERROR, "%s: sumdb-also: %s", from,
				   db.off ? "off is no database" : err.text);
			return;
		}
		/* What is kept of each is in a folder of its name. */
		for (size_t j = 0; j <= i; j++) {
			const char *value = j == i ? d->settings.gosumdb : also->items[j];
			if (gosumdb_parse(span_of(value), &d->settings.arena, &other, &err) ==
				    MG_OK &&
			    !other.off && strcmp(other.key.name, db.key.name) == 0)
				draft_note(d, LOG_LEVEL_ERROR,
					   "%s: sumdb-also: %s is answered for already", from,
					   db.key.name);
		}
	}
}

static void check_go_import(struct draft *d)
{
	const struct settings_list *pages = &d->settings.go_import;
	struct importpage page;
	struct mg_err err;

	for (size_t i = 0; i < pages->n; i++)
		if (importpage_parse(span_of(pages->items[i]), &page, &err) != MG_OK)
			draft_note(d, LOG_LEVEL_ERROR, "%s: go-import: \"%s\": %s",
				   draft_from(d, "go-import"), pages->items[i], err.text);
}

/* Both stand in fields of every message, so they must not break one (RFC 9110 §5.5, §5.6.2). */
static void check_fields(struct draft *d)
{
	const char *value = d->settings.go_proxy_header, *via = d->settings.via;
	bool ok = strlen(value) <= 200;

	for (; *value != '\0' && ok; value++)
		ok = (unsigned char)*value < 0x7f;
	if (!ok)
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: go-proxy-header: expected at most 200 ASCII characters",
			   draft_from(d, "go-proxy-header"));
	if (strlen(via) > 64 || strspn(via, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789!#$%&'*+-.^_`|~") != strlen(via))
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: via: expected at most 64 letters, digits or -._~, not \"%s\"",
			   draft_from(d, "via"), via);
}

static void check_store(struct draft *d)
{
	if (d->settings.store[0] == '\0')
		draft_note(d, LOG_LEVEL_ERROR,
			   "no store: neither HOME nor the setting store says "
			   "where to keep the modules (--store DIR)");
}

/* The children see absolute paths, whatever their working directory. */
static void make_paths_absolute(struct draft *d)
{
	char here[4096];
	struct mg_buf text = BUF_MAX(64u << 10), whole = BUF_MAX(256u << 10);

	if (getcwd(here, sizeof here) == NULL) here[0] = '\0';
	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		if (def->kind != SETTINGS_PATH && def->kind != SETTINGS_PATHS) continue;
		buf_clear(&text);
		buf_clear(&whole);
		settings_text(&d->settings, def, &text);
		settings_put_paths(def, buf_span(&text), span_of(here), &whole);
		if (!span_eq(buf_span(&text), buf_span(&whole)))
			draft_set(d, def, buf_span(&whole), d->from[i]);
	}
	buf_deinit(&text);
	buf_deinit(&whole);
}

void settings_load(struct draft *d, char *const *args, char *const *envp)
{
	default_listen(d);
	default_store(d, envp);
	gosettings_apply(d, envp);
	apply_file(d, args, envp);
	athens_apply(d, envp);
	apply_environment(d, envp);
	apply_flags(d, args);
	tell_unknown_environment(d, envp);
	check_listen(d);
	check_listen_mode(d);
	check_networks(d, "proxy-protocol.from", &d->settings.proxy_protocol_from);
	check_networks(d, "forwarded.from", &d->settings.forwarded_from);
	check_pairs(d);
	tlssettings_check(d);
	vcssettings_check(d);
	check_path_prefix(d);
	check_gosumdb(d);
	check_sumdb_also(d);
	check_go_import(d);
	check_fields(d);
	check_store(d);
	make_paths_absolute(d);
}
