/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/servername.h"

#include <stdlib.h>

#include "base/check.h"

/* host = label *("." label) ["."], label = 1*63(letter / digit / "-" / "_"); to lower case. */
static bool canonical(struct mg_span text, char out[SERVERNAME_MAX + 1])
{
	size_t label = 0;
	bool digits_only = true;

	if (span_has_suffix(text, SPAN("."))) text.n--;
	if (text.n == 0 || text.n > SERVERNAME_MAX) return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
		bool digit = c >= '0' && c <= '9';
		if (c == '.') {
			if (label == 0) return false;
			label = 0;
			digits_only = true;
		} else if (digit || (c >= 'a' && c <= 'z') || c == '-' || c == '_') {
			digits_only = digits_only && digit;
			if (++label > 63) return false;
		} else {
			return false;
		}
		out[i] = c;
	}
	out[text.n] = '\0';
	/* No top-level domain is a number: this is an IPv4 address. */
	return label > 0 && !digits_only;
}

bool servername_add(struct servername_table *t, struct mg_span pattern, size_t owner)
{
	char name[SERVERNAME_MAX + 1];
	bool below = span_has_prefix(pattern, SPAN("*."));

	if (!canonical(below ? span_from(pattern, 2) : pattern, name)) return false;
	if (t->n == t->cap) {
		t->cap = t->cap > 0 ? t->cap * 2 : 8;
		t->entries = check_realloc(t->entries, t->cap * sizeof *t->entries);
	}
	t->entries[t->n++] = (struct servername_entry){ .name = check_strndup(name, strlen(name)),
							.below = below,
							.owner = owner };
	return true;
}

static int compare_key(const struct servername_entry *e, const char *name, bool below)
{
	int c = strcmp(e->name, name);

	return c != 0 ? c : (int)e->below - (int)below;
}

static int compare(const void *a, const void *b)
{
	const struct servername_entry *x = a, *y = b;
	int c = compare_key(x, y->name, y->below);

	if (c != 0) return c;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

void servername_sort(struct servername_table *t)
{
	if (t->n > 0) qsort(t->entries, t->n, sizeof *t->entries, compare);
}

/* The first of equal entries. */
static bool look_up(const struct servername_table *t, const char *name, bool below, size_t *owner)
{
	size_t from = 0, to = t->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (compare_key(&t->entries[middle], name, below) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == t->n || compare_key(&t->entries[from], name, below) != 0) return false;
	*owner = t->entries[from].owner;
	return true;
}

bool servername_find(const struct servername_table *t, struct mg_span asked, size_t *owner)
{
	char name[SERVERNAME_MAX + 1];

	if (!canonical(asked, name)) return false;
	if (look_up(t, name, false, owner)) return true;
	const char *dot = strchr(name, '.');
	return dot != NULL && look_up(t, dot + 1, true, owner);
}

void servername_deinit(struct servername_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->entries[i].name);
	free(t->entries);
	*t = (struct servername_table){ 0 };
}
