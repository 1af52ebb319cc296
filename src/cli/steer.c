/* SPDX-License-Identifier: Apache-2.0 */
/* `modgate reload` and `modgate upgrade`: the running server is told to, and says how it went. */
#include "cli/command.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/dispatch.h"
#include "cli/settings_load.h"
#include "cli/steering.h"

/* Of the settings only the store counts: what else may be wrong with them is the server's to say. */
static int steer(char *const *args, const char *command)
{
	struct arena arena = ARENA_INIT;
	struct arguments sorted;
	struct draft d;
	char called[32];
	int rc;

	snprintf(called, sizeof called, "modgate %s", command);
	arguments_sort(args, commands_find(command, NULL)->switches, &arena, &sorted);
	if (sorted.words_n > 0) {
		rc = commands_usage(command);
	} else {
		draft_init(&d);
		settings_load(&d, sorted.settings, environ);
		rc = steering_ask(d.settings.store, called, command);
		draft_deinit(&d);
	}
	arena_deinit(&arena);
	return rc;
}

int command_reload(char *const *args)
{
	return steer(args, "reload");
}

int command_upgrade(char *const *args)
{
	return steer(args, "upgrade");
}
