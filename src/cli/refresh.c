/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/dispatch.h"
#include "cli/settings_load.h"

static int on_done(const struct report *r)
{
	const uint64_t modules = r->number[0], good = r->number[1], absent = r->number[2],
		       failed = r->number[3];
	printf("%" PRIu64 " modules: %" PRIu64 " answers are those of now, %" PRIu64
	       " there are none of\n",
	       modules, good, absent);
	if (failed > 0) printf("%" PRIu64 " failed; the reasons are above\n", failed);
	return failed > 0;
}

static int run(struct arguments *sorted, struct errand *e)
{
	struct draft d;
	struct mg_err err;
	int rc = 1;
	for (size_t i = 0; i < sorted->words_n; i++)
		if (errand_refresh(e, span_of(sorted->words[i]), &err) != MG_OK) {
			fprintf(stderr, "modgate refresh: %s: %s\n", sorted->words[i], err.text);
			return 1;
		}
	draft_init(&d);
	settings_load(&d, sorted->settings, environ);
	if (!dispatch_tell_errors(&d))
		rc = dispatch_errand(&d, e,
				     &(struct dispatch){
					     .command = "modgate refresh",
					     .noun = "modules",
					     .needs_upstream = true,
					     .on_done = on_done,
				     });
	draft_deinit(&d);
	return rc;
}

int command_refresh(char *const *args)
{
	struct arena arena = ARENA_INIT;
	struct arguments sorted;
	struct errand e;
	int rc;

	errand_init(&e);
	arguments_sort(args, commands_find("refresh", NULL)->switches, &arena, &sorted);
	if (sorted.words_n > 0)
		rc = run(&sorted, &e);
	else
		rc = commands_usage("refresh");
	errand_deinit(&e);
	arena_deinit(&arena);
	return rc;
}
