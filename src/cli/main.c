/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/role.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(char *const *args);
} commands[] = {
	{ "serve", command_serve },
	{ "config", command_config },
	{ "import", command_import },
	{ "verify", command_verify },
	{ "warm", command_warm },
	{ "sumdb", command_sumdb },
	{ "reload", command_reload },
	{ "upgrade", command_upgrade },
	{ "version", command_version },
	{ "--version", command_version },
	{ "help", command_help },
	{ "--help", command_help },
	{ "-h", command_help },
	/* Started by serve, not by people. */
	{ "front", role_front },
	{ "fetch", role_fetch },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		command_help((char *const[]){ NULL });
		return 2;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argv + 2);
	fprintf(stderr, "modgate: there is no command \"%s\"; `modgate help` lists them\n",
		argv[1]);
	return 2;
}
