/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/role.h"

const struct command commands_all[] = {
	{ .name = "serve",
	  .help = "serve modules until SIGTERM or SIGINT says to end",
	  .settings = true,
	  .run = command_serve },
	{ .name = "config",
	  .word = "check",
	  .help = "say what is wrong with the settings, each with its place",
	  .settings = true,
	  .run = command_config },
	{ .name = "config",
	  .word = "show",
	  .help = "print every setting, its value and where it came from",
	  .settings = true,
	  .run = command_config },
	{ .name = "import",
	  .arguments = "DIR",
	  .help = "take over a GOMODCACHE, its cache/download, or an Athens disk store",
	  .settings = true,
	  .run = command_import },
	{ .name = "verify",
	  .help = "check what is stored against its records and the checksum database",
	  .settings = true,
	  .switches = { { "--repair", "get what is damaged again" } },
	  .run = command_verify },
	{ .name = "warm",
	  .arguments = "go.mod|go.sum|MODULE@VERSION...",
	  .help = "get modules before anybody asks for them",
	  .settings = true,
	  .run = command_warm },
	{ .name = "refresh",
	  .arguments = "MODULE...",
	  .help = "ask for the versions of modules anew, whatever the age of what is known",
	  .settings = true,
	  .run = command_refresh },
	{ .name = "sumdb",
	  .word = "acknowledge",
	  .help = "trust a checksum database again after it showed two histories",
	  .settings = true,
	  .switches = { { "--start-over",
			  "set its head, lookups and tiles aside too: trust begins anew" } },
	  .run = command_sumdb },
	{ .name = "reload",
	  .help = "have the running server read its settings anew, and say how it went",
	  .settings = true,
	  .run = command_reload },
	{ .name = "upgrade",
	  .help = "have the binary that is installed now take its place, likewise",
	  .settings = true,
	  .run = command_upgrade },
	{ .name = "version",
	  .help = "print the versions of modgate and its libraries",
	  .run = command_version },
	{ .name = "help",
	  .help = "print the commands and all settings",
	  .switches = { { "--json", "the same for programs" } },
	  .run = command_help },

	{ .name = "--version", .run = command_version },
	{ .name = "--help", .run = command_help },
	{ .name = "-h", .run = command_help },
	/* Started by serve. */
	{ .name = "front", .run = role_front },
	{ .name = "fetch", .run = role_fetch },
	{ 0 },
};

const struct command *commands_find(const char *name, const char *word)
{
	for (const struct command *c = commands_all; c->name != NULL; c++) {
		if (strcmp(c->name, name) != 0) continue;
		if (word == NULL || (c->word != NULL && strcmp(c->word, word) == 0)) return c;
	}
	return NULL;
}

int commands_usage(const char *name)
{
	const char *lead = "usage:";

	for (const struct command *c = commands_all; c->name != NULL; c++) {
		if (strcmp(c->name, name) != 0) continue;
		fprintf(stderr, "%s modgate %s", lead, name);
		if (c->word != NULL) fprintf(stderr, " %s", c->word);
		for (const struct command_switch *s = c->switches; s->name != NULL; s++)
			fprintf(stderr, " [%s]", s->name);
		if (c->arguments != NULL) fprintf(stderr, " %s", c->arguments);
		if (c->settings) fputs(" [--config FILE] [settings as flags]", stderr);
		fprintf(stderr, "\n       %s\n", c->help);
		for (const struct command_switch *s = c->switches; s->name != NULL; s++)
			fprintf(stderr, "       %s: %s\n", s->name, s->help);
		lead = "      ";
	}
	return 2;
}
