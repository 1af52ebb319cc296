/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/dispatch.h"
#include "cli/progressbar.h"
#include "cli/settings_load.h"

static int on_done(const struct report *r)
{
	const uint64_t healed = r->number[2], damaged = r->number[3], unreadable = r->number[4],
		       unproven = r->number[5];
	char size[16];
	progressbar_size(r->number[1], size);
	printf("verified %" PRIu64 " artifacts (%s): ", r->number[0], size);
	if (healed + damaged + unreadable == 0)
		puts("nothing is damaged");
	else
		printf("%" PRIu64 " healed, %" PRIu64 " damaged and set aside, %" PRIu64
		       " unreadable\n",
		       healed, damaged, unreadable);
	if (unproven > 0)
		printf("%" PRIu64 " could not be proven now: %.*s\n", unproven, SPAN_ARG(r->text));
	if (damaged > 0)
		puts("what was set aside is in the store's quarantine; --repair gets the right "
		     "bytes from upstream");
	return damaged + unreadable > 0;
}

int command_verify(char *const *args)
{
	struct arena arena = ARENA_INIT;
	struct arguments sorted;
	struct draft d;
	struct errand e;
	int rc = 1;

	arguments_sort(args, commands_find("verify", NULL)->switches, &arena, &sorted);
	if (sorted.words_n > 0) {
		arena_deinit(&arena);
		return commands_usage("verify");
	}
	errand_init(&e);
	e.type = ERRAND_VERIFY;
	e.repair = sorted.on[0];
	draft_init(&d);
	settings_load(&d, sorted.settings, environ);
	if (!dispatch_tell_errors(&d))
		rc = dispatch_errand(&d, &e,
				     &(struct dispatch){
					     .command = "modgate verify",
					     .noun = "artifacts",
					     .needs_upstream = e.repair,
					     .on_done = on_done,
				     });
	draft_deinit(&d);
	errand_deinit(&e);
	arena_deinit(&arena);
	return rc;
}
