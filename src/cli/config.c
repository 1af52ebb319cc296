/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/settings_load.h"
#include "cli/tlsfiles.h"
#include "cli/upstreams.h"
#include "text/json.h"

static void print_notes(const struct draft *d)
{
	static const char *const words[] = { "debug", "note", "warning", "error" };

	for (const struct draft_note *n = d->notes; n != NULL; n = n->next)
		fprintf(stderr, "%s: %s\n", words[n->level], n->text);
}

/* Plain where YAML would read it back as the same string, else quoted (JSON's quotes are YAML's). */
static void put_scalar(struct mg_span text, struct mg_buf *out)
{
	bool plain = text.n > 0;
	for (size_t i = 0; i < text.n && plain; i++)
		plain = strchr("./_-+", text.p[i]) != NULL ||
			(text.p[i] >= '0' && text.p[i] <= '9') ||
			((text.p[i] | 0x20) >= 'a' && (text.p[i] | 0x20) <= 'z');
	if (plain && text.p[0] != '-')
		buf_append(out, text);
	else
		json_quote(text, out);
}

static void put_value(const struct settings *s, const struct settings_def *def, struct mg_buf *out)
{
	struct mg_buf text = BUF_MAX(64u << 10);

	settings_text_redacted(s, def, &text);
	if (settings_is_list(def)) {
		struct mg_span rest = buf_span(&text);
		buf_append_char(out, '[');
		for (size_t i = 0; rest.p != NULL && rest.n > 0; i++) {
			if (i > 0) buf_append_str(out, ", ");
			put_scalar(span_cut(&rest, ','), out);
		}
		buf_append_char(out, ']');
	} else {
		put_scalar(buf_span(&text), out);
	}
	buf_deinit(&text);
}

/* As YAML, so that what is shown can be kept as a modgate.yaml. */
static void show(const struct draft *d)
{
	struct mg_buf line = BUF_MAX(256u << 10);
	struct mg_span section = SPAN("");

	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		struct mg_span key = span_of(def->name), outer = SPAN("");
		if (span_index(key, '.') >= 0) outer = span_cut(&key, '.');
		if (!span_eq(outer, section) && outer.n > 0) printf("%.*s:\n", SPAN_ARG(outer));
		section = outer;
		buf_clear(&line);
		buf_printf(&line, "%s%.*s: ", outer.n > 0 ? "  " : "", SPAN_ARG(key));
		put_value(&d->settings, def, &line);
		printf("%-44s # %s\n", buf_cstr(&line), d->from[i]);
	}
	buf_deinit(&line);
}

/* Do the certificates fit? What serve would only warn of is a warning here too. */
static void check_certificates(struct draft *d)
{
	struct tlsfiles files;
	struct mg_err err;

	if (d->errors > 0 || d->settings.tls_cert.n == 0) return;
	log_init("modgate", STDERR_FILENO, LOG_LEVEL_WARN, d->settings.log_format);
	if (tlsfiles_load(&d->settings, &files, &err) == MG_OK)
		tlsfiles_close(&files);
	else
		draft_note(d, LOG_LEVEL_ERROR, "%s", err.text);
}

int command_config(char *const *args)
{
	const char *what = args[0] != NULL ? args[0] : "";
	bool check = strcmp(what, "check") == 0;
	struct draft d;

	if (!check && strcmp(what, "show") != 0) return commands_usage("config");
	draft_init(&d);
	settings_load(&d, args + 1, environ);
	upstreams_settle(&d);
	if (check) check_certificates(&d);
	print_notes(&d);
	if (!check)
		show(&d);
	else if (d.errors == 0)
		printf("the settings are fine%s%s\n", d.config_file ? ": " : "",
		       d.config_file ? d.config_file : "");
	int rc = d.errors == 0 ? 0 : 1;
	draft_deinit(&d);
	return rc;
}
