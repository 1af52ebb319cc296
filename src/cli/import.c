/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/privilege.h"
#include "cli/progressbar.h"
#include "cli/settings_load.h"
#include "store/import.h"

static void on_progress(void *arg, uint64_t done, uint64_t total, uint64_t bytes)
{
	progressbar_update(arg, done, total, bytes);
}

static void on_trouble(void *arg, enum import_trouble what, const char *file, const char *why)
{
	progressbar_clear(arg);
	fputs(what == IMPORT_CONFLICT ? "conflict: " : "refused: ", stderr);
	progressbar_print_plain(file);
	fputs(": ", stderr);
	progressbar_print_plain(why);
	fputc('\n', stderr);
}

static void print_summary(const struct import_summary *sum, const char *store)
{
	char size[16];
	progressbar_size(sum->bytes, size);
	printf("%s: %" PRIu64 " modules, %" PRIu64 " versions\n",
	       sum->layout == CACHEWALK_ATHENS ? "Athens disk store" : "Go module cache",
	       sum->modules, sum->versions);
	printf("added %" PRIu64 " files (%s) to %s; %" PRIu64 " were there already\n", sum->added,
	       size, store, sum->same);
	if (sum->refused > 0)
		printf("refused %" PRIu64 " files; each is named above with its reason\n",
		       sum->refused);
	if (sum->conflicts > 0)
		printf("conflicts: %" PRIu64
		       " files differ from what the store has; the store's were "
		       "kept\n",
		       sum->conflicts);
}

static int run(const struct settings *settings, const char *dir)
{
	struct store *store = NULL;
	struct mg_err err;
	struct import_summary sum;
	struct progressbar bar;
	const struct import_options options = { .on_progress = on_progress,
						.on_trouble = on_trouble,
						.arg = &bar };
	progressbar_init(&bar, "versions");
	enum mg_code rc = privilege_give_up(settings->user, settings->group, &err);
	if (rc == MG_OK) rc = store_open(settings->store, STORE_WRITE, &store, &err);
	if (rc == MG_OK) {
		rc = import_run(store, dir, &options, &sum, &err);
		progressbar_end(&bar);
		if (rc == MG_OK || sum.added > 0) print_summary(&sum, settings->store);
	}
	store_close(&store);
	if (rc != MG_OK) {
		fprintf(stderr, "modgate import: %s\n", err.text);
		return 1;
	}
	return sum.refused > 0 || sum.conflicts > 0;
}

/* The folder stands first or last among the arguments; the rest are settings. */
int command_import(char *const *args)
{
	char *flags[256];
	size_t n = 0;
	while (args[n] != NULL)
		n++;
	const bool first = n > 0 && args[0][0] != '-';
	const bool last = n > 0 && args[n - 1][0] != '-';
	if ((!first && !last) || n >= sizeof flags / sizeof flags[0])
		return commands_usage("import");
	const char *dir = first ? args[0] : args[n - 1];
	for (size_t i = 0; i + 1 < n; i++)
		flags[i] = args[first ? i + 1 : i];
	flags[n - 1] = NULL;

	struct draft d;
	draft_init(&d);
	settings_load(&d, flags, environ);
	for (const struct draft_note *note = d.notes; note != NULL; note = note->next)
		if (note->level == LOG_LEVEL_ERROR) fprintf(stderr, "error: %s\n", note->text);
	const int rc = d.errors == 0 ? run(&d.settings, dir) : 1;
	draft_deinit(&d);
	return rc;
}
