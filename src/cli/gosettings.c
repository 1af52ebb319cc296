/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gosettings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/envlist.h"
#include "gomod/goenv.h"

#define FILE_MAX (1u << 20)

/* cmd/go/internal/cfg.EnvFile: $GOENV, "off" for none, else go/env in os.UserConfigDir. */
const char *gosettings_user_file(struct arena *a, char *const *envp)
{
	const char *file = envlist_get(envp, "GOENV");
	const char *config = envlist_get(envp, "XDG_CONFIG_HOME");
	const char *home = envlist_get(envp, "HOME");

	if (file != NULL) return strcmp(file, "off") == 0 ? NULL : file;
	if (config != NULL) return config[0] == '/' ? arena_printf(a, "%s/go/env", config) : NULL;
	return home != NULL ? arena_printf(a, "%s/.config/go/env", home) : NULL;
}

/* GOROOT of a go program: two above where its links end ("/usr/bin/go" → "/usr/lib/go-1.26/bin/go"). */
static const char *goroot_of(struct arena *a, const char *program)
{
	if (access(program, X_OK) != 0) return NULL;
	char *real = realpath(program, NULL);
	if (real == NULL) return NULL;
	struct mg_span path = span_of(real);
	const char *root = NULL;
	if (span_has_suffix(path, SPAN("/bin/go")))
		root = arena_printf(a, "%.*s", (int)(path.n - strlen("/bin/go")), path.p);
	free(real);
	return root;
}

static const char *goroot_on_path(struct arena *a, const char *dirs)
{
	struct mg_span rest = span_of(dirs);

	while (rest.p != NULL) {
		struct mg_span dir = span_cut(&rest, ':');
		if (dir.n == 0 || dir.p[0] != '/') continue;
		const char *root = goroot_of(a, arena_printf(a, "%.*s/go", SPAN_ARG(dir)));
		if (root != NULL) return root;
	}
	return NULL;
}

/* go.env of the Go installation: of $GOROOT, else of the go program on PATH (found by its links, never
 * run), else of the usual places; NULL: no installation. */
static const char *goroot_file(struct arena *a, char *const *envp)
{
	const char *root = envlist_get(envp, "GOROOT");
	const char *path = envlist_get(envp, "PATH");

	if (root == NULL && path != NULL) root = goroot_on_path(a, path);
	if (root == NULL) root = goroot_of(a, "/usr/local/go/bin/go");
	if (root == NULL) root = goroot_of(a, "/usr/lib/go/bin/go");
	return root != NULL ? arena_printf(a, "%s/go.env", root) : NULL;
}

/* A file that cannot be read says nothing, as for the go command. */
static void apply_file(struct draft *d, const char *path)
{
	struct mg_buf bytes = BUF_MAX(FILE_MAX);
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	char *room;
	ssize_t n;

	if (fd < 0) return;
	while ((room = buf_reserve(&bytes, 4096)) != NULL && (n = read(fd, room, 4096)) > 0)
		bytes.n += (size_t)n;
	close(fd);
	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		struct mg_span value;
		if (def->go_name != NULL && goenv_get(buf_span(&bytes), def->go_name, &value) &&
		    value.n > 0)
			draft_set(d, def, value, path);
	}
	buf_deinit(&bytes);
}

static void apply_environment(struct draft *d, char *const *envp)
{
	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		const char *value = def->go_name ? envlist_get(envp, def->go_name) : NULL;
		if (value != NULL)
			draft_set(d, def, span_of(value),
				  draft_printf(d, "environment %s", def->go_name));
	}
}

void gosettings_apply(struct draft *d, char *const *envp)
{
	apply_file(d, goroot_file(&d->settings.arena, envp));
	apply_file(d, gosettings_user_file(&d->settings.arena, envp));
	apply_environment(d, envp);
}
