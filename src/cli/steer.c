/* SPDX-License-Identifier: Apache-2.0 */
/* `modgate reload` and `modgate upgrade`: the running server is told to, and says how it went. */
#include "cli/command.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/dispatch.h"
#include "cli/settings_load.h"
#include "cli/steering.h"

/* Of the settings only the store counts: what else may be wrong with them is the server's to say. */
static int steer(char *const *args, const char *command, const char *line)
{
	struct arena arena = ARENA_INIT;
	struct arguments sorted;
	struct draft d;
	int rc = 2;

	arguments_sort(args, (const char *const[]){ NULL }, &arena, &sorted);
	if (sorted.words_n > 0) {
		fprintf(stderr, "usage: %s [--store DIR] [--config FILE]\n", command);
	} else {
		draft_init(&d);
		settings_load(&d, sorted.settings, environ);
		rc = steering_ask(d.settings.store, command, line);
		draft_deinit(&d);
	}
	arena_deinit(&arena);
	return rc;
}

int command_reload(char *const *args)
{
	return steer(args, "modgate reload", "reload");
}

int command_upgrade(char *const *args)
{
	return steer(args, "modgate upgrade", "upgrade");
}
