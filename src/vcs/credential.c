/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hex.h"
#include "crypto/secretfile.h"
#include "vcs/credline.h"
#include "vcs/githubapp.h"
#include "vcs/netrc.h"

#define LOGIN_MAX   8192u
#define COMMAND_MAX 8192u
#define TOKEN_NAME  "oauth2" /* forges look at the password only when it is a token */
#define APP_NAME    "x-access-token"

struct credential {
	struct credential_options options;
	struct githubapp *apps;
};

struct credential *credential_new(const struct credential_options *options, struct upstream *u)
{
	struct credential *c = check_calloc(1, sizeof *c);
	c->options = *options;
	c->apps = githubapp_new(u);
	return c;
}

void credential_free(struct credential **cp)
{
	struct credential *c = *cp;
	if (c == NULL) return;
	githubapp_free(&c->apps);
	free(c);
	*cp = NULL;
}

/* The line for url, in bytes, which the caller forgets. MG_NOT_FOUND: none. */
static enum mg_code find_line(const struct credential *c, const struct repourl *url,
			      struct mg_buf *bytes, struct credline *out, struct mg_err *err)
{
	size_t number = 0;
	if (c->options.file == NULL) return MG_NOT_FOUND;
	enum mg_code rc = secretfile_read(c->options.file, bytes, err);
	if (rc != MG_OK) return rc;
	for (struct mg_span text = buf_span(bytes);;) {
		rc = credline_next(&text, &number, out, err);
		if (rc == MG_INVALID) {
			err_wrap(err, "%s", c->options.file);
			return err->code = MG_UNAVAILABLE;
		}
		if (rc != MG_OK || credline_fits(out, url)) return rc;
	}
}

/* A name in the file of credentials, from its folder. */
static void path_of(const char *credentials, struct mg_span name, struct mg_buf *out)
{
	struct mg_span file = span_of(credentials);
	ptrdiff_t slash = span_last_index(file, '/');
	if (name.n > 0 && name.p[0] != '/' && slash >= 0)
		buf_append(out, span_first(file, (size_t)slash + 1));
	buf_append(out, name);
}

static enum mg_code login_of_line(struct credential *c, const struct credline *l,
				  const struct cancel *cancel, struct mg_buf *out,
				  struct mg_err *err)
{
	struct mg_buf path = BUF_MAX(4096);
	enum mg_code rc = MG_OK;
	path_of(c->options.file, l->file, &path);
	if (buf_cstr(&path) == NULL) {
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH,
			     "the name of a secret is too long");
	} else if (l->kind == CREDLINE_GITHUB_APP) {
		const struct githubapp_installation i = { .origin = l->origin,
							  .app = l->words[0],
							  .number = l->words[1],
							  .key_file = path.p };
		buf_append_str(out, APP_NAME ":");
		rc = githubapp_token(c->apps, &i, cancel, out, err);
	} else {
		buf_append(out, l->kind == CREDLINE_BASIC ? l->words[0] : SPAN(TOKEN_NAME));
		buf_append_char(out, ':');
		rc = secretfile_read_line(path.p, out, err);
	}
	buf_deinit(&path);
	return rc;
}

/* "host", or "host:port" when the URL says a port, as the go command looks entries up. */
static enum mg_code login_of_netrc(const struct credential *c, const struct repourl *url,
				   struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(SECRETFILE_MAX + 1);
	struct mg_span login, password;
	char machine[300];
	if (c->options.netrc == NULL || !span_eq(url->scheme, SPAN("https"))) return MG_OK;
	enum mg_code rc = secretfile_read(c->options.netrc, &bytes, err);
	int n = snprintf(machine, sizeof machine, url->port != 0 ? "%.*s:%u" : "%.*s",
			 SPAN_ARG(url->host), url->port);
	if (rc == MG_OK && n < (int)sizeof machine &&
	    netrc_find(buf_span(&bytes), span_of(machine), &login, &password)) {
		buf_append(out, login);
		buf_append_char(out, ':');
		buf_append(out, password);
	}
	secretfile_forget(&bytes);
	return rc;
}

static enum mg_code login(struct credential *c, const struct repourl *url,
			  const struct cancel *cancel, struct mg_buf *out, struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(SECRETFILE_MAX + 1);
	struct credline l;
	enum mg_code rc = find_line(c, url, &bytes, &l, err);
	if (rc == MG_OK)
		rc = login_of_line(c, &l, cancel, out, err);
	else if (rc == MG_NOT_FOUND)
		rc = login_of_netrc(c, url, out, err);
	secretfile_forget(&bytes);
	if (rc == MG_OK && buf_failed(out))
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH, "a secret is too long");
	return rc;
}

static bool is_http(const struct repourl *u)
{
	return span_eq(u->scheme, SPAN("https")) || span_eq(u->scheme, SPAN("http"));
}

enum mg_code credential_login(struct credential *c, struct mg_span text,
			      const struct cancel *cancel, struct mg_buf *out, struct mg_err *err)
{
	struct repourl url;
	enum mg_code rc = repourl_parse(text, &url, err);
	return rc != MG_OK || !is_http(&url) ? rc : login(c, &url, cancel, out, err);
}

bool credential_names(struct credential *c, struct mg_span text)
{
	struct mg_buf bytes = BUF_MAX(SECRETFILE_MAX + 1);
	struct repourl url;
	struct credline l;
	struct mg_err err;
	bool named = repourl_parse(text, &url, &err) == MG_OK &&
		     find_line(c, &url, &bytes, &l, &err) == MG_OK;
	secretfile_forget(&bytes);
	return named;
}

/* Variables for git, of which the first ones are of its configuration. */
struct environment {
	struct arena *arena;
	char *vars[12];
	size_t n;
	unsigned configs;
};

static void set(struct environment *e, const char *name, struct mg_span value)
{
	MG_ASSERT(e->n + 1 < sizeof e->vars / sizeof e->vars[0]);
	e->vars[e->n++] = arena_printf(e->arena, "%s=%.*s", name, SPAN_ARG(value));
}

static void configure(struct environment *e, const char *key, struct mg_span value)
{
	char name[40];
	snprintf(name, sizeof name, "GIT_CONFIG_KEY_%u", e->configs);
	set(e, name, span_of(key));
	snprintf(name, sizeof name, "GIT_CONFIG_VALUE_%u", e->configs++);
	set(e, name, value);
}

/* git takes the field for URLs of this scheme, host and port only, and follows no redirects (mirror). */
static void set_login(struct environment *e, const struct repourl *url, struct mg_span login)
{
	struct mg_buf field = BUF_MAX(2 * LOGIN_MAX);
	const bool v6 = span_index(url->host, ':') >= 0;
	char *key = arena_printf(e->arena, "http.%.*s://%s%.*s%s:%u/.extraHeader",
				 SPAN_ARG(url->scheme), v6 ? "[" : "", SPAN_ARG(url->host),
				 v6 ? "]" : "", repourl_port(url));
	buf_append(&field, SPAN("Authorization: Basic "));
	hex_base64_encode(login, &field);
	configure(e, key, buf_span(&field));
	secretfile_forget(&field);
}

/* Names that the shell, through which git starts ssh, and ssh itself take as they are. */
static bool is_plain_path(const char *path)
{
	return path[0] == '/' &&
	       path[strspn(path, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@=-")] == '\0';
}

static enum mg_code check_ssh_files(const char *key, const char *known_hosts, struct mg_err *err)
{
	struct stat st;
	if (known_hosts == NULL)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH,
			       "no file of known hosts is set (vcs.known-hosts), so no ssh server "
			       "is trusted");
	if (!is_plain_path(key) || !is_plain_path(known_hosts))
		return err_set(
			err, MG_UNAVAILABLE, MG_CAUSE_AUTH,
			"%s, %s: files for ssh need absolute names of letters, digits and /._+@=-",
			key, known_hosts);
	/* ssh asks for more than secretfile does, and what follows looks as if the server had refused the key. */
	if (stat(key, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) != 0)
		return err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH,
			       "%s: ssh uses no key of its own user that the group may read (mode "
			       "%03o): chmod 0600",
			       key, (unsigned)st.st_mode & 0777);
	return MG_OK;
}

static enum mg_code set_ssh(struct credential *c, const struct repourl *url, struct environment *e,
			    struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(SECRETFILE_MAX + 1), path = BUF_MAX(4096);
	struct mg_buf key = BUF_MAX(SECRETFILE_MAX + 1), command = BUF_MAX(COMMAND_MAX);
	struct credline l;
	enum mg_code rc = find_line(c, url, &bytes, &l, err);
	if (rc == MG_NOT_FOUND)
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_AUTH,
			     "no key is set for this host (vcs.credentials)");
	if (rc == MG_OK) {
		path_of(c->options.file, l.file, &path);
		rc = secretfile_read(buf_cstr(&path) != NULL ? path.p : "", &key, err);
	}
	if (rc == MG_OK) rc = check_ssh_files(path.p, c->options.known_hosts, err);
	if (rc != MG_OK) err_wrap(err, "ssh://%.*s:%u", SPAN_ARG(url->host), repourl_port(url));
	if (rc == MG_OK) {
		buf_printf(
			&command,
			"ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none "
			"-o IdentityFile=%s -o StrictHostKeyChecking=yes -o UserKnownHostsFile=%s "
			"-o GlobalKnownHostsFile=none -o UpdateHostKeys=no "
			"-o PreferredAuthentications=publickey -o ForwardAgent=no "
			"-o ClearAllForwardings=yes -o PermitLocalCommand=no -o ConnectTimeout=10",
			path.p, c->options.known_hosts);
		set(e, "GIT_SSH_COMMAND", buf_span(&command));
		set(e, "GIT_SSH_VARIANT", SPAN("ssh"));
	}
	secretfile_forget(&bytes);
	secretfile_forget(&key);
	buf_deinit(&path);
	buf_deinit(&command);
	return rc;
}

enum mg_code credential_env(struct credential *c, struct mg_span text, const struct cancel *cancel,
			    struct arena *a, char *const **env, struct mg_err *err)
{
	struct environment e = { .arena = a };
	struct mg_buf userinfo = BUF_MAX(LOGIN_MAX);
	struct repourl url;
	enum mg_code rc = repourl_parse(text, &url, err);
	if (rc != MG_OK) return rc;
	if (is_http(&url)) {
		rc = login(c, &url, cancel, &userinfo, err);
		if (rc == MG_OK && userinfo.n > 0) set_login(&e, &url, buf_span(&userinfo));
		if (c->options.ca_file != NULL)
			set(&e, "GIT_SSL_CAINFO", span_of(c->options.ca_file));
	} else if (span_has_suffix(url.scheme, SPAN("ssh"))) {
		rc = set_ssh(c, &url, &e, err);
	}
	if (e.configs > 0) {
		char count[16];
		snprintf(count, sizeof count, "%u", e.configs);
		set(&e, "GIT_CONFIG_COUNT", span_of(count));
	}
	secretfile_forget(&userinfo);
	if (rc != MG_OK) return rc;
	char **vars = arena_alloc(a, (e.n + 1) * sizeof *vars);
	memcpy(vars, e.vars, e.n * sizeof *vars);
	*env = vars;
	return MG_OK;
}

/* Would the line's secret do, if it were asked for now? */
static enum mg_code check_line(const struct credline *l, const char *file, const char *known_hosts,
			       struct mg_err *err)
{
	struct mg_buf path = BUF_MAX(4096), secret = BUF_MAX(SECRETFILE_MAX + 1);
	const bool whole = l->kind == CREDLINE_KEY || l->kind == CREDLINE_GITHUB_APP;
	enum mg_code rc;
	path_of(file, l->file, &path);
	const char *name = buf_cstr(&path) != NULL ? path.p : "";
	rc = whole ? secretfile_read(name, &secret, err) : secretfile_read_line(name, &secret, err);
	if (rc == MG_OK && l->kind == CREDLINE_KEY) rc = check_ssh_files(name, known_hosts, err);
	secretfile_forget(&secret);
	buf_deinit(&path);
	return rc;
}

enum mg_code credential_check(const char *file, const char *known_hosts,
			      void (*tell)(void *arg, const struct mg_err *err), void *arg,
			      struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(SECRETFILE_MAX + 1);
	struct credline l;
	size_t number = 0;
	enum mg_code rc = secretfile_read(file, &bytes, err);
	for (struct mg_span text = buf_span(&bytes); rc == MG_OK;) {
		struct mg_err why;
		rc = credline_next(&text, &number, &l, err);
		if (rc != MG_OK || check_line(&l, file, known_hosts, &why) == MG_OK) continue;
		err_wrap(&why, "%s, line %zu, for %.*s", file, number, SPAN_ARG(l.origin));
		tell(arg, &why);
	}
	if (rc == MG_INVALID) err_wrap(err, "%s", file);
	secretfile_forget(&bytes);
	return rc == MG_NOT_FOUND ? MG_OK : rc;
}
