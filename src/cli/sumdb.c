/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/dispatch.h"
#include "cli/settings_load.h"

static int on_done(const struct report *r)
{
	printf("acknowledged; the evidence stays in the store at %.*s\n", SPAN_ARG(r->text));
	return 0;
}

int command_sumdb(char *const *args)
{
	struct arena arena = ARENA_INIT;
	struct arguments sorted;
	struct draft d;
	struct errand e;
	int rc = 1;

	arguments_sort(args, commands_find("sumdb", "acknowledge")->switches, &arena, &sorted);
	if (sorted.words_n != 1 || strcmp(sorted.words[0], "acknowledge") != 0) {
		arena_deinit(&arena);
		return commands_usage("sumdb");
	}
	errand_init(&e);
	e.type = ERRAND_ACKNOWLEDGE;
	e.start_over = sorted.on[0];
	draft_init(&d);
	settings_load(&d, sorted.settings, environ);
	if (!dispatch_tell_errors(&d))
		rc = dispatch_errand(&d, &e,
				     &(struct dispatch){
					     .command = "modgate sumdb acknowledge",
					     .noun = "databases",
					     .on_done = on_done,
				     });
	draft_deinit(&d);
	errand_deinit(&e);
	arena_deinit(&arena);
	return rc;
}
