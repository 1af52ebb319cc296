/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/describe.h"

#include "cli/commands.h"
#include "cli/quantity.h"
#include "cli/settings.h"
#include "text/json.h"

static const char *const kind_names[] = {
	[SETTINGS_STRING] = "string", [SETTINGS_PATH] = "path", [SETTINGS_DURATION] = "duration",
	[SETTINGS_SIZE] = "size",     [SETTINGS_INT] = "int",   [SETTINGS_BOOL] = "bool",
	[SETTINGS_ENUM] = "enum",     [SETTINGS_LIST] = "list", [SETTINGS_PATHS] = "paths",
};

static void put_string(const char *key, const char *value, struct mg_buf *out)
{
	buf_printf(out, "\"%s\": ", key);
	if (value != NULL)
		json_quote(span_of(value), out);
	else
		buf_append_str(out, "null");
	buf_append_str(out, ", ");
}

static void put_flag(const char *key, bool value, struct mg_buf *out)
{
	buf_printf(out, "\"%s\": %s", key, value ? "true" : "false");
}

static void put_command(const struct command *c, struct mg_buf *out)
{
	buf_append_char(out, '{');
	put_string("name", c->name, out);
	put_string("word", c->word, out);
	put_string("arguments", c->arguments, out);
	put_string("help", c->help, out);
	put_flag("settings", c->settings, out);
	buf_append_str(out, ", \"switches\": [");
	for (const struct command_switch *s = c->switches; s->name != NULL; s++) {
		buf_append_str(out, s == c->switches ? "{" : ", {");
		put_string("name", s->name, out);
		buf_append_str(out, "\"help\": ");
		json_quote(span_of(s->help), out);
		buf_append_char(out, '}');
	}
	buf_append_str(out, "]}");
}

static void put_bound(const struct settings_def *def, const char *key, uint64_t value,
		      struct mg_buf *out)
{
	struct mg_buf text = BUF_MAX(64);

	if (def->kind == SETTINGS_DURATION)
		quantity_put_duration(value, &text);
	else if (def->kind == SETTINGS_SIZE)
		quantity_put_size(value, &text);
	else
		buf_append_u64(&text, value);
	put_string(key, def->max > 0 || value > 0 ? buf_cstr(&text) : NULL, out);
	buf_deinit(&text);
}

static void put_setting(const struct settings_def *def, struct mg_buf *out)
{
	struct mg_buf flag = BUF_MAX(128), env = BUF_MAX(128);

	settings_flag_name(def, &flag);
	settings_env_name(def, &env);
	buf_append_char(out, '{');
	put_string("name", def->name, out);
	put_string("flag", buf_cstr(&flag), out);
	put_string("env", buf_cstr(&env), out);
	put_string("kind", kind_names[def->kind], out);
	put_string("default", def->fallback, out);
	put_string("help", def->help, out);
	buf_append_str(out, "\"words\": [");
	for (size_t i = 0; def->words != NULL && def->words[i] != NULL; i++) {
		if (i > 0) buf_append_str(out, ", ");
		json_quote(span_of(def->words[i]), out);
	}
	buf_append_str(out, "], ");
	put_bound(def, "min", def->min, out);
	put_bound(def, "max", def->max, out);
	put_string("needs", def->needs, out);
	put_string("go", def->go_name, out);
	put_flag("secret", def->secret, out);
	buf_append_char(out, '}');
	buf_deinit(&flag);
	buf_deinit(&env);
}

void describe_program(struct mg_buf *out)
{
	bool first = true;

	buf_append_str(out, "{\n");
	put_string("version", MODGATE_VERSION, out);
	buf_append_str(out, "\n\"commands\": [");
	for (const struct command *c = commands_all; c->name != NULL; c++) {
		if (c->help == NULL) continue;
		buf_append_str(out, first ? "\n" : ",\n");
		first = false;
		put_command(c, out);
	}
	buf_append_str(out, "\n],\n\"settings\": [");
	for (size_t i = 0; i < settings_count(); i++) {
		buf_append_str(out, i == 0 ? "\n" : ",\n");
		put_setting(settings_def(i), out);
	}
	buf_append_str(out, "\n]\n}\n");
}
