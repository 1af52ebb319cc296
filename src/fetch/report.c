/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/report.h"

#include "base/check.h"

/* line    = ( progress / finding / done / failed ) LF
 * progress = "progress" 3( SP number )
 * finding  = "finding" SP word SP name SP text
 * done     = "done" 6( SP number ) SP text
 * failed   = "failed" SP text */

static const struct {
	const char *word;
	unsigned numbers;
} types[] = {
	[REPORT_PROGRESS] = { "progress", 3 },
	[REPORT_FINDING] = { "finding", 0 },
	[REPORT_DONE] = { "done", REPORT_NUMBERS },
	[REPORT_FAILED] = { "failed", 0 },
};
#define TYPES (sizeof types / sizeof types[0])

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void put_plain(struct mg_span s, bool no_spaces, struct mg_buf *out)
{
	for (size_t i = 0; i < s.n; i++)
		buf_append_char(out,
				is_control(s.p[i]) || (no_spaces && s.p[i] == ' ') ? '?' : s.p[i]);
}

void report_print(const struct report *r, struct mg_buf *out)
{
	buf_append_str(out, types[r->type].word);
	for (unsigned i = 0; i < types[r->type].numbers; i++) {
		buf_append_char(out, ' ');
		buf_append_u64(out, r->number[i]);
	}
	if (r->type == REPORT_FINDING) {
		MG_ASSERT(r->word.n > 0 && r->name.n > 0);
		buf_append_char(out, ' ');
		put_plain(r->word, true, out);
		buf_append_char(out, ' ');
		put_plain(r->name, true, out);
	}
	if (r->type != REPORT_PROGRESS) {
		buf_append_char(out, ' ');
		put_plain(r->text, false, out);
	}
	buf_append_char(out, '\n');
}

static bool is_word(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'a' || s.p[i] > 'z') return false;
	return s.n > 0;
}

static bool parse_type(struct mg_span word, enum report_type *out)
{
	for (unsigned i = 0; i < TYPES; i++) {
		if (!span_eq(word, span_of(types[i].word))) continue;
		*out = (enum report_type)i;
		return true;
	}
	return false;
}

bool report_parse(struct mg_span line, struct report *out)
{
	struct mg_span rest = line;
	struct report r = { .type = REPORT_PROGRESS };
	for (size_t i = 0; i < line.n; i++)
		if (is_control(line.p[i])) return false;
	if (!parse_type(span_cut(&rest, ' '), &r.type)) return false;
	for (unsigned i = 0; i < types[r.type].numbers; i++)
		if (rest.p == NULL || !span_u64(span_cut(&rest, ' '), UINT64_MAX, &r.number[i]))
			return false;
	if (r.type == REPORT_FINDING) {
		r.word = span_cut(&rest, ' ');
		if (rest.p == NULL || !is_word(r.word)) return false;
		r.name = span_cut(&rest, ' ');
		if (r.name.n == 0) return false;
	}
	if ((r.type == REPORT_PROGRESS) != (rest.p == NULL)) return false;
	r.text = rest;
	*out = r;
	return true;
}
