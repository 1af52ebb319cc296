/* SPDX-License-Identifier: Apache-2.0 */
/* Settings while they are being collected: a layer (defaults, files, environment, flags) writes over
 * what the layers below it said. Remembers where each value came from, and collects what is to be
 * said about it, so that one run names every mistake. */
#ifndef CLI_DRAFT_H
#define CLI_DRAFT_H

#include "base/log.h"
#include "cli/settings.h"

#define DRAFT_DEFAULT "default"

struct draft_note {
	struct draft_note *next;
	enum log_level level; /* ERROR: these settings cannot be used */
	const char *text;
};

struct draft {
	struct settings settings;
	const char *from
		[SETTINGS_MAX]; /* "default", "modgate.yaml:3", "environment MODGATE_STORE", … */
	struct draft_note *notes; /* in order */
	struct draft_note **notes_end;
	size_t errors;
	const char *config_file; /* the modgate.yaml that was read; NULL: none */
};

/* All at their fallbacks, from "default". */
void draft_init(struct draft *d);
void draft_deinit(struct draft *d);
/* from must live as long as the draft (a literal, or from draft_printf). A text that does not parse
 * becomes an ERROR note and leaves the value as it was. */
void draft_set(struct draft *d, const struct settings_def *def, struct mg_span text,
	       const char *from);
void draft_note(struct draft *d, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *draft_printf(struct draft *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *draft_from(const struct draft *d, const char *name);
/* Has any layer above the defaults spoken? */
bool draft_is_set(const struct draft *d, const char *name);

#endif
