/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/draft.h"

#include "base/check.h"

#include <stdarg.h>

#define TEXT_MAX (4u << 10)

void draft_init(struct draft *d)
{
	*d = (struct draft){ 0 };
	d->notes_end = &d->notes;
	settings_init(&d->settings);
	for (size_t i = 0; i < settings_count(); i++)
		d->from[i] = DRAFT_DEFAULT;
}

void draft_deinit(struct draft *d)
{
	settings_deinit(&d->settings);
	*d = (struct draft){ 0 };
}

void draft_set(struct draft *d, const struct settings_def *def, struct mg_span text,
	       const char *from)
{
	struct mg_err err;

	if (settings_set(&d->settings, def, text, &err) == MG_OK)
		d->from[settings_index(def)] = from;
	else
		draft_note(d, LOG_LEVEL_ERROR, "%s: %s: %s", from, def->name, err.text);
}

__attribute__((format(printf, 2, 0))) static const char *vformat(struct draft *d, const char *fmt,
								 va_list ap)
{
	struct mg_buf text = BUF_MAX(TEXT_MAX);
	const char *copy = "(message too long)";

	if (buf_vprintf(&text, fmt, ap)) {
		/* Values of others are quoted in here: nothing of theirs may steer a terminal. */
		for (size_t i = 0; i < text.n; i++)
			if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f) text.p[i] = '?';
		copy = arena_strdup(&d->settings.arena, buf_span(&text));
	}
	buf_deinit(&text);
	return copy;
}

void draft_note(struct draft *d, enum log_level level, const char *fmt, ...)
{
	struct draft_note *note = arena_alloc(&d->settings.arena, sizeof *note);
	va_list ap;

	va_start(ap, fmt);
	*note = (struct draft_note){ .level = level, .text = vformat(d, fmt, ap) };
	va_end(ap);
	*d->notes_end = note;
	d->notes_end = &note->next;
	d->errors += level == LOG_LEVEL_ERROR;
}

const char *draft_printf(struct draft *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const char *text = vformat(d, fmt, ap);
	va_end(ap);
	return text;
}

const char *draft_from(const struct draft *d, const char *name)
{
	const struct settings_def *def = settings_find(span_of(name));
	MG_ASSERT(def != NULL);
	return d->from[settings_index(def)];
}

bool draft_is_set(const struct draft *d, const char *name)
{
	return strcmp(draft_from(d, name), DRAFT_DEFAULT) != 0;
}
