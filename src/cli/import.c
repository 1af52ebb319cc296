/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/privilege.h"
#include "cli/settings_load.h"
#include "store/import.h"

#define BAR_WIDTH     30
#define BAR_EVERY_MS  100
#define LINE_EVERY_MS 10000

struct screen {
	bool tty;
	bool bar; /* a bar stands on the last line */
	uint64_t begun_ms, said_ms;
};

/* 1234567 as "1.2 MB". */
static void size_text(uint64_t bytes, char out[16])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double n = (double)bytes;
	size_t unit = 0;
	while (n >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
		n /= 1000;
		unit++;
	}
	snprintf(out, 16, unit == 0 || n >= 99.5 ? "%.0f %s" : "%.1f %s", n, units[unit]);
}

static void clear_bar(struct screen *s)
{
	if (s->bar) fputs("\r\033[K", stderr);
	s->bar = false;
}

static void draw_bar(struct screen *s, uint64_t done, uint64_t total, const char *size,
		     uint64_t now_ms)
{
	char bar[BAR_WIDTH + 1];
	const uint64_t full = total > 0 ? BAR_WIDTH * done / total : BAR_WIDTH;
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t)full);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %" PRIu64 "/%" PRIu64 " versions, %s", bar, done, total, size);
	if (done > 0 && done < total)
		fprintf(stderr, ", %" PRIu64 " s left",
			(now_ms - s->begun_ms) * (total - done) / done / 1000);
	fputs("\033[K", stderr);
	s->bar = true;
}

static void on_progress(void *arg, uint64_t done, uint64_t total, uint64_t bytes)
{
	struct screen *s = arg;
	const uint64_t now_ms = clock_mono_ms();
	const uint64_t every_ms = s->tty ? BAR_EVERY_MS : LINE_EVERY_MS;
	if (s->said_ms == 0) s->begun_ms = now_ms;
	if (s->said_ms != 0 && now_ms - s->said_ms < every_ms && !(s->tty && done == total)) return;
	s->said_ms = now_ms;
	char size[16];
	size_text(bytes, size);
	if (s->tty)
		draw_bar(s, done, total, size, now_ms);
	else
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " versions, %s\n", done, total, size);
}

/* File names are foreign: nothing in them may steer a terminal. */
static void print_plain(const char *text)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
}

static void on_trouble(void *arg, enum import_trouble what, const char *file, const char *why)
{
	clear_bar(arg);
	fputs(what == IMPORT_CONFLICT ? "conflict: " : "refused: ", stderr);
	print_plain(file);
	fputs(": ", stderr);
	print_plain(why);
	fputc('\n', stderr);
}

static void print_summary(const struct import_summary *sum, const char *store)
{
	char size[16];
	size_text(sum->bytes, size);
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
	struct screen screen = { .tty = isatty(STDERR_FILENO) == 1 };
	const struct import_options options = { .on_progress = on_progress,
						.on_trouble = on_trouble,
						.arg = &screen };
	enum mg_code rc = privilege_give_up(settings->user, settings->group, &err);
	if (rc == MG_OK) rc = store_open(settings->store, STORE_WRITE, &store, &err);
	if (rc == MG_OK) {
		rc = import_run(store, dir, &options, &sum, &err);
		if (screen.bar) fputc('\n', stderr);
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
	if ((!first && !last) || n >= sizeof flags / sizeof flags[0]) {
		fputs("usage: modgate import DIR [--store DIR] [--config FILE]\n"
		      "DIR: a GOMODCACHE, its cache/download, or an Athens disk store\n",
		      stderr);
		return 2;
	}
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
