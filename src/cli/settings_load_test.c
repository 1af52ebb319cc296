/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/gosettings.h"
#include "cli/settings_load.h"

struct scene {
	char dir[64];
	struct draft d;
	struct mg_buf text;
};

static void write_file(const struct scene *sc, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", sc->dir, name);
	for (char *p = path + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(path, 0700);
			*p = '/';
		}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof *sc);
	snprintf(sc->dir, sizeof sc->dir, "/tmp/settings_load.XXXXXX");
	sc->text = BUF_MAX(1u << 16);
	*state = sc;
	return mkdtemp(sc->dir) == NULL;
}

static int tear_down(void **state)
{
	struct scene *sc = *state;
	char path[256];
	static const char *const files[] = { "m.yaml", "home/.config/go/env", "goroot/go.env",
					     "goroot/bin/go", "bin/go" };
	static const char *const dirs[] = { "home/.config/go", "home/.config", "home", "goroot/bin",
					    "goroot",          "bin",          "" };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", sc->dir, files[i]);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", sc->dir, dirs[i]);
		rmdir(path);
	}
	buf_deinit(&sc->text);
	free(sc);
	return 0;
}

/* NULL-terminated lists; "%" in them stands for the scene's folder. */
static void load(struct scene *sc, const char *const *args, const char *const *env)
{
	char *argv[16], *envp[16];
	size_t n = 0, m = 0;

	draft_deinit(&sc->d);
	draft_init(&sc->d);
	for (size_t list = 0; list < 2; list++) {
		const char *const *from = list == 0 ? args : env;
		for (; *from != NULL; from++) {
			const char *at = strchr(*from, '%');
			char *text =
				at == NULL
					? arena_strdup(&sc->d.settings.arena, span_of(*from))
					: arena_printf(&sc->d.settings.arena, "%.*s%s%s",
						       (int)(at - *from), *from, sc->dir, at + 1);
			if (list == 0)
				argv[n++] = text;
			else
				envp[m++] = text;
		}
	}
	argv[n] = envp[m] = NULL;
	settings_load(&sc->d, argv, envp);
}

static const char *value(struct scene *sc, const char *name)
{
	buf_clear(&sc->text);
	settings_text(&sc->d.settings, settings_find(span_of(name)), &sc->text);
	return buf_cstr(&sc->text);
}

static void assert_note(struct scene *sc, enum log_level level, const char *part)
{
	for (const struct draft_note *n = sc->d.notes; n != NULL; n = n->next)
		if (n->level == level && strstr(n->text, part) != NULL) return;
	for (const struct draft_note *n = sc->d.notes; n != NULL; n = n->next)
		print_error("note: %s\n", n->text);
	fail_msg("nothing says: %s", part);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE      ((const char *const[]){ NULL })

static void flags_over_environment_over_file_over_go_over_defaults(void **state)
{
	struct scene *sc = *state;
	write_file(sc, "m.yaml",
		   "store: /file\ngoproxy: https://file.example\nlist:\n  fresh: 3s\n");
	write_file(sc, "home/.config/go/env",
		   "GOPROXY=https://user.example\nGOPRIVATE=u.example\n");
	write_file(sc, "goroot/go.env", "GOPROXY=https://root.example\nGOPRIVATE=r\nGOSUMDB=off\n");
	const char *go[] = { "HOME=%/home", "GOROOT=%/goroot", NULL };

	load(sc, NONE, go);
	assert_string_equal(value(sc, "goproxy"), "https://user.example");
	assert_string_equal(value(sc, "goprivate"), "u.example");
	assert_string_equal(value(sc, "gosumdb"), "off");
	assert_non_null(strstr(draft_from(&sc->d, "gosumdb"), "/goroot/go.env"));
	assert_non_null(strstr(draft_from(&sc->d, "goproxy"), "/home/.config/go/env"));
	assert_string_equal(draft_from(&sc->d, "list.fresh"), "default");

	load(sc, NONE, LIST("HOME=%/home", "GOROOT=%/goroot", "GOPROXY=https://env.example"));
	assert_string_equal(value(sc, "goproxy"), "https://env.example");
	assert_string_equal(draft_from(&sc->d, "goproxy"), "environment GOPROXY");

	load(sc, LIST("--config", "%/m.yaml"),
	     LIST("HOME=%/home", "GOROOT=%/goroot", "GOPROXY=https://env.example"));
	assert_string_equal(value(sc, "goproxy"), "https://file.example");
	assert_non_null(strstr(draft_from(&sc->d, "goproxy"), "m.yaml:2:1"));
	assert_string_equal(value(sc, "store"), "/file");

	load(sc, NONE,
	     LIST("HOME=%/home", "MODGATE_CONFIG=%/m.yaml", "MODGATE_GOPROXY=https://m.example",
		  "MODGATE_LIST_FRESH=4s"));
	assert_string_equal(value(sc, "goproxy"), "https://m.example");
	assert_string_equal(value(sc, "list.fresh"), "4s");
	assert_string_equal(draft_from(&sc->d, "list.fresh"), "environment MODGATE_LIST_FRESH");

	load(sc, LIST("--list-fresh=5s", "--store", "/flag"),
	     LIST("HOME=%/home", "MODGATE_CONFIG=%/m.yaml", "MODGATE_LIST_FRESH=4s"));
	assert_string_equal(value(sc, "list.fresh"), "5s");
	assert_string_equal(value(sc, "store"), "/flag");
	assert_string_equal(draft_from(&sc->d, "store"), "flag --store");
	assert_int_equal(sc->d.errors, 0);
	draft_deinit(&sc->d);
}

static void go_is_found_by_its_links(void **state)
{
	struct scene *sc = *state;
	char go[256], link[256];
	write_file(sc, "goroot/bin/go", "#!/bin/false\n");
	write_file(sc, "goroot/go.env", "GOPROXY=https://root.example\n");
	snprintf(go, sizeof go, "%s/goroot/bin/go", sc->dir);
	snprintf(link, sizeof link, "%s/bin", sc->dir);
	assert_int_equal(mkdir(link, 0700), 0);
	snprintf(link, sizeof link, "%s/bin/go", sc->dir);
	assert_int_equal(chmod(go, 0700), 0);
	assert_int_equal(symlink(go, link), 0);
	load(sc, NONE, LIST("HOME=/nonexistent", "PATH=relative:/nonexistent:%/bin"));
	assert_string_equal(value(sc, "goproxy"), "https://root.example");
	draft_deinit(&sc->d);
}

static void goenv_off_means_no_user_file(void **state)
{
	const struct {
		const char *const *env;
		const char *file;
	} cases[] = {
		{ LIST("HOME=/h", "GOENV=off"), NULL },
		{ LIST("HOME=/h"), "/h/.config/go/env" },
		{ LIST("XDG_CONFIG_HOME=/x"), "/x/go/env" },
		{ LIST("XDG_CONFIG_HOME=x"), NULL },
		{ LIST("GOENV=/e"), "/e" },
		{ LIST("PATH=/p"), NULL },
	};
	struct arena a = ARENA_INIT;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *file = gosettings_user_file(&a, (char *const *)(uintptr_t)cases[i].env);
		assert_string_equal(file ? file : "none", cases[i].file ? cases[i].file : "none");
	}
	arena_deinit(&a);
}

static void unknown_keys_are_named_with_their_place(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "stroe: /x\n", "m.yaml:1:1: unknown setting \"stroe\"; did you mean \"store\"?" },
		{ "log:\n  levle: info\n",
		  "m.yaml:2:3: unknown setting \"log.levle\"; did you mean \"log.level\"?" },
		{ "level: info\n",
		  "m.yaml:1:1: unknown setting \"level\"; did you mean \"log.level\"?" },
		{ "zebra: 1\n", "m.yaml:1:1: unknown setting \"zebra\"" },
		{ "log.level: info\n", "m.yaml:1:1: write \"log.level\" as a key inside a key" },
		{ "logs:\n  level: info\n", "m.yaml:2:3: unknown setting \"logs.level\"" },
		{ "log: loud\n", "m.yaml:1:1: unknown setting \"log\"" },
		{ "store:\n  a: b\n", "m.yaml:1:1: store: expected one value" },
		{ "store: [a, b]\n", "m.yaml:1:1: store: expected one value" },
		{ "listen: []\n", "m.yaml:1:1: listen: has an empty item" },
		{ "offline:\n", "m.yaml:1:1: offline: expected true or false" },
		{ "list:\n  fresh: 5\n", "m.yaml:2:3: list.fresh: expected a duration" },
		{ "- a\n", "m.yaml:1:1: expected settings" },
		{ "a: b: c\n", "m.yaml:1:5" },
		{ "group: staff\n", "m.yaml:1:1: group is half a pair: it needs user too" },
		{ "path-prefix: go\n", "path-prefix: expected a path such as /go" },
		{ "via: \"a b\"\n", "via: expected" },
	};
	struct scene *sc = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_file(sc, "m.yaml", cases[i].yaml);
		load(sc, LIST("--config=%/m.yaml"), LIST("HOME=/nonexistent"));
		assert_true(sc->d.errors > 0);
		assert_note(sc, LOG_LEVEL_ERROR, cases[i].says);
	}
	draft_deinit(&sc->d);
}

static void every_mistake_is_told_at_once(void **state)
{
	struct scene *sc = *state;
	write_file(sc, "m.yaml", "stroe: /x\nlog:\n  level: loud\n");
	load(sc, LIST("--config=%/m.yaml", "--workers", "x", "--lisen", "a"), LIST("HOME=/h"));
	assert_int_equal(sc->d.errors, 4); /* "a" is taken for the unknown flag's value */
	assert_note(sc, LOG_LEVEL_ERROR, "unknown flag --lisen; did you mean --listen?");
	assert_note(sc, LOG_LEVEL_ERROR, "flag --workers: workers: expected a number, not \"x\"");
	draft_deinit(&sc->d);
}

static void a_good_file_in_full(void **state)
{
	struct scene *sc = *state;
	write_file(sc, "m.yaml",
		   "# comments\nlisten:\n  - 127.0.0.1:1\n  - \"[::1]:2\"\nstore: data\nlog:\n"
		   "upstream:\n  ca-file: ca.pem\n  retries: 0\noffline: on\n");
	load(sc, LIST("--config=%/m.yaml"), LIST("HOME=/nonexistent"));
	assert_int_equal(sc->d.errors, 0);
	assert_string_equal(value(sc, "listen"), "127.0.0.1:1,[::1]:2");
	/* Relative to the file. */
	assert_true(span_has_prefix(span_of(value(sc, "store")), span_of(sc->dir)));
	assert_true(span_has_suffix(span_of(value(sc, "store")), SPAN("/data")));
	assert_string_equal(value(sc, "offline"), "true");
	draft_deinit(&sc->d);
}

static void flags(void **state)
{
	struct scene *sc = *state;
	load(sc, LIST("--listen", ":1", "--listen=:2", "--offline"), LIST("HOME=/h"));
	assert_int_equal(sc->d.errors, 0);
	assert_string_equal(value(sc, "listen"), ":1,:2");
	assert_string_equal(value(sc, "offline"), "true");

	load(sc, LIST("--store"), LIST("HOME=/h"));
	assert_note(sc, LOG_LEVEL_ERROR, "--store needs a value");
	load(sc, LIST("--config"), LIST("HOME=/h"));
	assert_note(sc, LOG_LEVEL_ERROR, "--config needs a value");
	load(sc, LIST("--config", "/nonexistent/m.yaml"), LIST("HOME=/h"));
	assert_note(sc, LOG_LEVEL_ERROR, "/nonexistent/m.yaml: cannot read the settings");
	load(sc, LIST("--goproxy", "https://u:p@a.example"), LIST("HOME=/h"));
	assert_note(sc, LOG_LEVEL_ERROR, "credentials on the command line");
	load(sc, LIST("--goproxy=u:p@a.example"), LIST("HOME=/h"));
	assert_note(sc, LOG_LEVEL_ERROR, "credentials on the command line");
	load(sc, LIST("serve"), LIST("HOME=/h"));
	assert_note(sc, LOG_LEVEL_ERROR, "unexpected argument \"serve\"");
	draft_deinit(&sc->d);
}

static void listen_addresses(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ ":3000", true },          { "127.0.0.1:0", true },
		{ "[::1]:3000", true },     { "localhost:3000", true },
		{ "[::]:1,:2", true },      { "3000", false },
		{ "127.0.0.1", false },     { "::1:3000", false },
		{ "[127.0.0.1]:1", false }, { "mirror.example:1", false },
		{ ":65536", false },        { ":", false },
		{ "[]:1", false },          { ":03", false },
		{ "http://:3000", true },   { "https://:3000", false }, /* without a certificate */
		{ "ftp://:3000", false },   { "https://", false },
	};
	struct scene *sc = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		load(sc, LIST("--listen", cases[i].text), LIST("HOME=/h"));
		if ((sc->d.errors == 0) != cases[i].good) fail_msg("%s", cases[i].text);
	}
	draft_deinit(&sc->d);
}

static void tls_settings_fit_together(void **state)
{
	static const struct {
		const char *text;
		const char *wrong; /* NULL: nothing */
	} cases[] = {
		{ "listen: \"https://:1\"\ntls:\n  cert: a\n  key: b\n", NULL },
		{ "tls:\n  cert: [a, c]\n  key: [b, d]\n  ocsp: [e, \"-\"]\n", NULL },
		{ "tls:\n  cert: a\n", "tls.cert is half a pair: it needs tls.key too" },
		{ "tls:\n  key: a\n", "tls.key is half a pair: it needs tls.cert too" },
		{ "tls:\n  cert: [a, c]\n  key: b\n", "tls.key: 1 keys for 2 certificates" },
		{ "tls:\n  cert: a\n  key: b\n  ocsp: [c, d]\n",
		  "tls.ocsp: 2 files for 1 certificates" },
		{ "tls:\n  client-ca: a\n", "tls.client-ca is half a pair: it needs tls.cert too" },
		{ "tls:\n  cert: a\n  key: b\n  client-cert-required: true\n",
		  "tls.client-cert-required needs tls.client-ca" },
		{ "listen: \":1\"\ntls:\n  cert: a\n  key: b\n",
		  "no address in listen begins with https://" },
		{ "listen: [\":1\", \"https://:2\"]\n", "https:// needs a certificate" },
	};
	struct scene *sc = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_file(sc, "m.yaml", cases[i].text);
		load(sc, LIST("--config", "%/m.yaml"), LIST("HOME=/h"));
		if ((sc->d.errors == 0) != (cases[i].wrong == NULL))
			fail_msg("%s: %s", cases[i].text, sc->d.notes ? sc->d.notes->text : "");
		if (cases[i].wrong != NULL) assert_note(sc, LOG_LEVEL_ERROR, cases[i].wrong);
	}
	/* Files lie beside the file that names them; who has a certificate serves with it. */
	write_file(sc, "m.yaml", cases[1].text);
	load(sc, LIST("--config", "%/m.yaml"), LIST("HOME=/h"));
	char want[256];
	snprintf(want, sizeof want, "%s/a,%s/c", sc->dir, sc->dir);
	assert_string_equal(value(sc, "tls.cert"), want);
	snprintf(want, sizeof want, "%s/e,-", sc->dir);
	assert_string_equal(value(sc, "tls.ocsp"), want);
	assert_memory_equal(value(sc, "listen"), "https://127.0.0.1:3000", 22);
	load(sc, LIST("--tls-cert=/a", "--tls-key=/b", "--tls-cert=/c", "--tls-key=/d"),
	     LIST("HOME=/h"));
	assert_int_equal(sc->d.errors, 0);
	assert_string_equal(value(sc, "tls.cert"), "/a,/c");
	draft_deinit(&sc->d);
}

static void environments_are_shared_with_others(void **state)
{
	struct scene *sc = *state;
	load(sc, NONE,
	     LIST("HOME=/h", "MODGATE_STROE=/x", "MODGATE_SERVICE_HOST=10.0.0.1",
		  "MODGATE_PORT=tcp://10.0.0.1:80", "MODGATE_STORE=/y"));
	assert_int_equal(sc->d.errors, 0);
	assert_note(sc, LOG_LEVEL_WARN,
		    "MODGATE_STROE is ignored: no such setting; the nearest is \"store\"");
	assert_null(sc->d.notes->next);
	draft_deinit(&sc->d);
}

static void the_default_store(void **state)
{
	struct scene *sc = *state;
	load(sc, NONE, LIST("HOME=/h", "STATE_DIRECTORY=/var/lib/a:/var/lib/b"));
	assert_string_equal(value(sc, "store"), "/var/lib/a");
	load(sc, NONE, LIST("HOME=/h", "XDG_DATA_HOME=/x"));
	assert_string_equal(value(sc, "store"), getuid() == 0 ? "/var/lib/modgate" : "/x/modgate");
	load(sc, LIST("--store", "here"), LIST("HOME=/h"));
	assert_int_equal(value(sc, "store")[0], '/');
	draft_deinit(&sc->d);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		SCENE(flags_over_environment_over_file_over_go_over_defaults),
		SCENE(go_is_found_by_its_links),
		SCENE(goenv_off_means_no_user_file),
		SCENE(unknown_keys_are_named_with_their_place),
		SCENE(every_mistake_is_told_at_once),
		SCENE(a_good_file_in_full),
		SCENE(flags),
		SCENE(listen_addresses),
		SCENE(tls_settings_fit_together),
		SCENE(environments_are_shared_with_others),
		SCENE(the_default_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
