/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/settings_file.h"

#include "text/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1u << 20)

static bool read_file(struct draft *d, const char *path, struct mg_buf *out, mode_t *mode_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	char *room;
	ssize_t n = -1;

	if (fd >= 0)
		while ((room = buf_reserve(out, 64u << 10)) != NULL &&
		       (n = read(fd, room, 64u << 10)) > 0)
			out->n += (size_t)n;
	if (fd < 0 || (n < 0 && !buf_failed(out)))
		draft_note(d, LOG_LEVEL_ERROR, "%s: cannot read the settings: %s", path,
			   strerror(errno));
	else if (buf_failed(out))
		draft_note(d, LOG_LEVEL_ERROR, "%s: larger than 1 MiB", path);
	if (fd >= 0 && fstat(fd, &st) == 0) *mode_out = st.st_mode;
	if (fd >= 0) close(fd);
	return fd >= 0 && n == 0 && !buf_failed(out);
}

static void set_value(struct draft *d, const char *path, const struct settings_def *def,
		      const struct yaml_node *node)
{
	const char *from = draft_printf(d, "%s:%u:%u", path, node->key_line, node->key_column);
	struct mg_buf text = BUF_MAX(FILE_MAX), whole = BUF_MAX(FILE_MAX);

	if (node->kind == YAML_SEQ && settings_is_list(def)) {
		for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
			if (item != node->first) buf_append_char(&text, ',');
			buf_append(&text, item->scalar);
		}
	} else if (node->kind != YAML_SCALAR) {
		draft_note(d, LOG_LEVEL_ERROR, "%s: %s: expected %s", from, def->name,
			   settings_is_list(def) ? "a value or a list" : "one value");
		goto out;
	} else {
		buf_append(&text, node->scalar);
	}
	const char *slash = strrchr(path, '/');
	bool paths = def->kind == SETTINGS_PATH || def->kind == SETTINGS_PATHS;
	if (paths && slash != NULL)
		settings_put_paths(def, buf_span(&text), span_make(path, (size_t)(slash - path)),
				   &whole);
	else
		buf_append(&whole, buf_span(&text));
	draft_set(d, def, buf_span(&whole), from);
out:
	buf_deinit(&text);
	buf_deinit(&whole);
}

static bool is_section(struct mg_span name)
{
	for (size_t i = 0; i < settings_count(); i++) {
		struct mg_span known = span_of(settings_def(i)->name);
		if (span_has_prefix(known, name) && known.n > name.n && known.p[name.n] == '.')
			return true;
	}
	return false;
}

static void unknown_key(struct draft *d, const char *path, struct mg_span name,
			const struct yaml_node *node)
{
	const struct settings_def *near = settings_nearest(name);

	draft_note(d, LOG_LEVEL_ERROR, "%s:%u:%u: unknown setting \"%.*s\"%s%s%s", path,
		   node->key_line, node->key_column, SPAN_ARG(name),
		   near ? "; did you mean \"" : "; `modgate config show` lists them all",
		   near ? near->name : "", near ? "\"?" : "");
}

/* Nested maps become dotted names; two levels are all the table has. */
static void apply_map(struct draft *d, const char *path, struct mg_span prefix,
		      const struct yaml_node *map)
{
	for (const struct yaml_node *node = map->first; node != NULL; node = node->next) {
		struct mg_span name = node->key;
		/* A dot inside a key would make two spellings of one setting. */
		bool dotted = span_index(node->key, '.') >= 0;
		if (prefix.n > 0)
			name = span_of(draft_printf(d, "%.*s.%.*s", SPAN_ARG(prefix),
						    SPAN_ARG(node->key)));
		const struct settings_def *def = dotted ? NULL : settings_find(name);
		if (def != NULL)
			set_value(d, path, def, node);
		else if (!dotted && is_section(name) && node->kind == YAML_MAP)
			apply_map(d, path, name, node);
		else if (!dotted && is_section(name) && node->kind == YAML_SCALAR &&
			 node->scalar.n == 0)
			continue; /* `log:` with everything below it commented out */
		else if (dotted && settings_find(name) != NULL)
			draft_note(d, LOG_LEVEL_ERROR,
				   "%s:%u:%u: write \"%.*s\" as a key inside a key, not with a dot",
				   path, node->key_line, node->key_column, SPAN_ARG(name));
		else if (node->kind == YAML_MAP && node->first != NULL && prefix.n == 0)
			apply_map(d, path, name,
				  node); /* names each key below with its full name */
		else
			unknown_key(d, path, name, node);
	}
}

/* Credentials in a file that every user of the machine can read are none. */
static void check_mode(struct draft *d, const char *path, mode_t mode)
{
	for (size_t i = 0; i < settings_count() && (mode & S_IROTH) != 0; i++) {
		const struct settings_def *def = settings_def(i);
		if (def->secret && span_has_prefix(span_of(d->from[i]), span_of(path)) &&
		    settings_has_user_info(&d->settings, def))
			draft_note(d, LOG_LEVEL_ERROR,
				   "%s: %s has credentials, and every user of the machine can read "
				   "the file: chmod o-r %s",
				   d->from[i], def->name, path);
	}
}

void settings_file_apply(struct draft *d, const char *path)
{
	struct mg_buf bytes = BUF_MAX(FILE_MAX);
	struct yaml_node *root;
	mode_t mode = 0;
	struct mg_err err;

	if (!read_file(d, path, &bytes, &mode)) goto out;
	if (yaml_parse(path, buf_span(&bytes), &d->settings.arena, &root, &err) != MG_OK) {
		draft_note(d, LOG_LEVEL_ERROR, "%s", err.text);
		goto out;
	}
	d->config_file = path;
	if (root->kind == YAML_MAP) {
		apply_map(d, path, SPAN(""), root);
		check_mode(d, path, mode);
	} else
		draft_note(d, LOG_LEVEL_ERROR, "%s:%u:%u: expected settings such as \"store: DIR\"",
			   path, root->line, root->column);
out:
	buf_deinit(&bytes);
}
