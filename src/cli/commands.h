/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of subcommands: what main dispatches by, what `modgate help` prints, and what the manual
 * pages and completions are made from. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdbool.h>

#define COMMANDS_SWITCHES 4

/* One that a single command has besides the settings. */
struct command_switch {
	const char *name; /* "--repair"; NULL ends the list */
	const char *help;
};

struct command {
	const char *name;
	const char *word;      /* "check" of `modgate config check`; NULL: none */
	const char *arguments; /* "DIR", as a manual writes them; NULL: none */
	const char *help;      /* NULL: a second name, or nothing that people start */
	bool settings;         /* takes settings as flags, and --config FILE */
	struct command_switch switches[COMMANDS_SWITCHES + 1];
	int (*run)(char *const *args);
};

/* In the order of `modgate help`; the last has no name. */
extern const struct command commands_all[];

/* By name and word (NULL: whatever it is); NULL when there is none. */
const struct command *commands_find(const char *name, const char *word);
/* Says on standard error how the command of this name is called. Returns 2, the exit code for that. */
int commands_usage(const char *name);

#endif
