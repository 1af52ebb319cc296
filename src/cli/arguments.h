/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts the arguments of a subcommand that takes words, or switches of its own, besides settings. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "base/arena.h"
#include "cli/commands.h"

struct arguments {
	char **words;    /* what is no flag nor a flag's value */
	char **settings; /* for settings_load */
	size_t words_n;
	bool on[COMMANDS_SWITCHES]; /* which of the switches were there */
};

/* switches: a command's, as in commands_all. The arrays are NULL-terminated and live in the arena; the
 * strings are args'. After "--" all are words. */
void arguments_sort(char *const *args, const struct command_switch *switches, struct arena *a,
		    struct arguments *out);

#endif
