/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/settings.h"

static const char intro[] =
	"modgate stands between Go developers and the world: a module proxy that keeps what it "
	"served.\n\n";

static const char about_settings[] =
	"\n"
	"A setting is a flag, or an environment variable, or a key in modgate.yaml (--config "
	"FILE), in\n"
	"this order; `list.fresh` is --list-fresh, MODGATE_LIST_FRESH, or `fresh` below `list`. "
	"The\n"
	"upstreams are those of the go command (GOPROXY) unless goproxy says otherwise.\n"
	"\n";

static void print_command(const struct command *c)
{
	char call[128];

	snprintf(call, sizeof call, "modgate %s%s%s%s%s", c->name, c->word ? " " : "",
		 c->word ? c->word : "", c->arguments ? " " : "", c->arguments ? c->arguments : "");
	/* A long one has a line of its own. */
	if (strlen(call) > 28)
		printf("  %s\n  %-28s %s\n", call, "", c->help);
	else
		printf("  %-28s %s\n", call, c->help);
	for (const struct command_switch *s = c->switches; s->name != NULL; s++)
		printf("  %-28s (%s: %s)\n", "", s->name, s->help);
}

static void print_setting(const struct settings_def *def)
{
	struct mg_buf flag = BUF_MAX(128);
	const bool told = def->fallback != NULL && def->fallback[0] != '\0';

	settings_flag_name(def, &flag);
	printf("  %-30s %s%s%s%s\n", buf_cstr(&flag), def->help, told ? " (" : "",
	       told ? def->fallback : "", told ? ")" : "");
	buf_deinit(&flag);
}

int command_help(char *const *args)
{
	if (args[0] != NULL && strcmp(args[0], "--json") == 0) {
		struct mg_buf out = BUF_MAX(1u << 20);
		describe_program(&out);
		fputs(buf_cstr(&out), stdout);
		buf_deinit(&out);
		return 0;
	}
	fputs(intro, stdout);
	for (const struct command *c = commands_all; c->name != NULL; c++)
		if (c->help != NULL) print_command(c);
	fputs(about_settings, stdout);
	for (size_t i = 0; i < settings_count(); i++)
		print_setting(settings_def(i));
	return 0;
}
