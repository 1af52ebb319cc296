/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/dispatch.h"
#include "cli/progressbar.h"
#include "cli/settings_load.h"
#include "cli/wishlist.h"

#define FILE_MAX_BYTES (64u << 20)

static int on_done(const struct report *r)
{
	const uint64_t got = r->number[2], had = r->number[3], failed = r->number[4];
	char size[16];
	progressbar_size(r->number[1], size);
	printf("%" PRIu64 " artifacts (%s) are stored: %" PRIu64 " were got, %" PRIu64
	       " were there already\n",
	       got + had, size, got, had);
	if (failed > 0) printf("%" PRIu64 " failed; each is named above with its reason\n", failed);
	return failed > 0;
}

static enum mg_code read_file(const char *name, struct mg_buf *out, struct mg_err *err)
{
	FILE *f = fopen(name, "re");
	char *room;
	size_t n = 0;
	if (f == NULL) return err_errno(err, errno, "cannot open it");
	while ((room = buf_reserve(out, 65536)) != NULL && (n = fread(room, 1, 65536, f)) > 0)
		out->n += n;
	enum mg_code rc = MG_OK;
	if (ferror(f)) rc = err_errno(err, errno, "cannot read it");
	if (buf_failed(out)) rc = err_set(err, MG_INVALID, MG_CAUSE_NONE, "it is too long");
	fclose(f);
	return rc;
}

static enum mg_code take(struct errand *e, const char *word, struct mg_err *err)
{
	/* Files are told by their endings, as the go command tells them. */
	const bool gosum = span_has_suffix(span_of(word), SPAN(".sum"));
	const bool gomod = span_has_suffix(span_of(word), SPAN(".mod"));
	struct mg_buf text = BUF_MAX(FILE_MAX_BYTES);
	enum mg_code rc = MG_OK;
	if (!gosum && !gomod) {
		rc = wishlist_module(e, span_of(word), err);
	} else {
		rc = read_file(word, &text, err);
		if (rc == MG_OK)
			rc = (gosum ? wishlist_gosum : wishlist_gomod)(e, buf_span(&text), err);
	}
	if (rc != MG_OK) err_wrap(err, "%s", word);
	buf_deinit(&text);
	return rc;
}

static int run(struct arguments *sorted, struct errand *e)
{
	struct draft d;
	struct mg_err err;
	int rc = 1;
	for (size_t i = 0; i < sorted->words_n; i++)
		if (take(e, sorted->words[i], &err) != MG_OK) {
			fprintf(stderr, "modgate warm: %s\n", err.text);
			return 1;
		}
	e->type = ERRAND_WARM;
	draft_init(&d);
	settings_load(&d, sorted->settings, environ);
	if (!dispatch_tell_errors(&d))
		rc = dispatch_errand(&d, e,
				     &(struct dispatch){
					     .command = "modgate warm",
					     .noun = "artifacts",
					     .needs_upstream = true,
					     .on_done = on_done,
				     });
	draft_deinit(&d);
	return rc;
}

int command_warm(char *const *args)
{
	struct arena arena = ARENA_INIT;
	struct arguments sorted;
	struct errand e;
	int rc;

	errand_init(&e);
	arguments_sort(args, commands_find("warm", NULL)->switches, &arena, &sorted);
	if (sorted.words_n > 0)
		rc = run(&sorted, &e);
	else
		rc = commands_usage("warm");
	errand_deinit(&e);
	arena_deinit(&arena);
	return rc;
}
