/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		commands_find("help", NULL)->run((char *const[]){ NULL });
		return 2;
	}
	const struct command *c = commands_find(argv[1], NULL);
	if (c != NULL) return c->run(argv + 2);
	fprintf(stderr, "modgate: there is no command \"%s\"; `modgate help` lists them\n",
		argv[1]);
	return 2;
}
