/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include "base/check.h"
#include "cli/settings.h"

static bool take_switch(const char *arg, const struct command_switch *switches,
			struct arguments *out)
{
	for (size_t i = 0; switches[i].name != NULL; i++) {
		if (strcmp(arg, switches[i].name) != 0) continue;
		out->on[i] = true;
		return true;
	}
	return false;
}

/* Does the next argument belong to this flag? */
static bool wants_value(const char *flag)
{
	if (strchr(flag, '=') != NULL) return false;
	const struct settings_def *def = settings_find_flag(span_of(flag));
	if (def == NULL) return strcmp(flag, "--config") == 0;
	return def->kind != SETTINGS_BOOL;
}

void arguments_sort(char *const *args, const struct command_switch *switches, struct arena *a,
		    struct arguments *out)
{
	size_t n = 0, settings = 0;
	while (args[n] != NULL)
		n++;
	*out = (struct arguments){ .words = arena_alloc(a, (n + 1) * sizeof *out->words),
				   .settings = arena_alloc(a, (n + 1) * sizeof *out->settings) };
	bool only_words = false;
	for (size_t i = 0; i < n; i++) {
		if (!only_words && strcmp(args[i], "--") == 0) {
			only_words = true;
		} else if (only_words || args[i][0] != '-') {
			out->words[out->words_n++] = args[i];
		} else if (!take_switch(args[i], switches, out)) {
			out->settings[settings++] = args[i];
			if (wants_value(args[i]) && i + 1 < n)
				out->settings[settings++] = args[++i];
		}
	}
}
