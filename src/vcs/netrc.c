/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/netrc.h"

/* The next word of a line; empty at its end. */
static struct mg_span take_word(struct mg_span *line)
{
	*line = span_trim(*line);
	size_t n = 0;
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
		n++;
	struct mg_span word = span_first(*line, n);
	*line = span_from(*line, n);
	return word;
}

/* An entry is whole when it has all three, and counts in the order of the file. */
struct entry {
	struct mg_span machine, login, password;
};

/* file = *( *( key value ) newline ); a macro goes to the next empty line. There is no quoting. */
bool netrc_find(struct mg_span text, struct mg_span machine, struct mg_span *login,
		struct mg_span *password)
{
	struct entry e = { .machine = SPAN("") };
	bool in_macro = false;
	while (text.p != NULL) {
		struct mg_span line = span_trim(span_cut(&text, '\n'));
		if (in_macro) {
			in_macro = line.n > 0;
			continue;
		}
		while (line.n > 0) {
			struct mg_span key = take_word(&line);
			if (span_eq(key, SPAN("default"))) {
				e.machine = SPAN("");
				continue;
			}
			if (span_eq(key, SPAN("macdef"))) in_macro = true;
			if (in_macro) break;
			struct mg_span value = take_word(&line);
			if (value.n == 0) break;
			if (span_eq(key, SPAN("machine")))
				e = (struct entry){ .machine = value };
			else if (span_eq(key, SPAN("login")))
				e.login = value;
			else if (span_eq(key, SPAN("password")))
				e.password = value;
			if (e.login.n == 0 || e.password.n == 0 || !span_eq(e.machine, machine))
				continue;
			*login = e.login;
			*password = e.password;
			return true;
		}
	}
	return false;
}
