/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/zipselect.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "gomod/foldtree.h"
#include "gomod/modfile.h"
#include "gomod/modpath.h"
#include "gomod/ziprules.h"

struct selection {
	enum zipselect_era era;
	bool vendor_1_24;
	/* The directories of nested modules, each with its "/", sorted; none lies in another. */
	struct mg_span *nested;
	size_t nested_n;
	struct foldtree names;
};

const char *zipselect_era_name(enum zipselect_era era)
{
	static const char *const names[ZIPSELECT_ERAS] = {
		[ZIPSELECT_GO_1_24] = "go 1.24 and later",
		[ZIPSELECT_GO_1_14] = "go 1.14 to 1.23",
		[ZIPSELECT_GO_1_12] = "go 1.12 and 1.13",
	};
	return names[era];
}

static struct mg_span base_of(struct mg_span path)
{
	return span_from(path, (size_t)(span_last_index(path, '/') + 1));
}

/* Compares decimal numbers without leading zeros, of any length. */
static int number_cmp(struct mg_span a, struct mg_span b)
{
	return a.n != b.n ? (a.n < b.n ? -1 : 1) : span_cmp(a, b);
}

static struct mg_span cut_number(struct mg_span *rest)
{
	size_t n = 0;
	while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	struct mg_span number = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return number;
}

/* release = major "." minor ["." patch / kind number], as go/version takes the go directive that modfile has let
 * pass: "1.24.1rc1" is none and older than all. */
static bool since_1_24(struct mg_span go)
{
	const struct mg_span major = cut_number(&go);
	go = span_from(go, 1);
	const struct mg_span minor = cut_number(&go);
	if (go.n > 0 && go.p[0] == '.') {
		go = span_from(go, 1);
		(void)cut_number(&go);
		if (go.n > 0) return false;
	}
	const int order = number_cmp(major, SPAN("1"));
	return order > 0 || (order == 0 && number_cmp(minor, SPAN("24")) >= 0);
}

static bool has_new_vendor_rule(struct mg_span gomod)
{
	struct arena arena = ARENA_INIT;
	struct modfile file;
	/* A file that cannot be read names no release. */
	const bool is_new = modfile_parse(gomod, MODFILE_LAX, &arena, &file, NULL) == MG_OK &&
			    file.go.n > 0 && since_1_24(file.go);
	arena_deinit(&arena);
	return is_new;
}

static bool makes_nested(const struct zipselect_entry *e, enum zipselect_era era)
{
	const struct mg_span base = base_of(e->path);
	if (base.n == e->path.n) return false;
	if (era == ZIPSELECT_GO_1_12) return span_eq(base, SPAN("go.mod"));
	return e->regular && span_eq_nocase(base, SPAN("go.mod"));
}

static int order_spans(const void *a, const void *b)
{
	return span_cmp(*(const struct mg_span *)a, *(const struct mg_span *)b);
}

static void find_nested(struct selection *s, const struct zipselect_entry *entries, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += makes_nested(&entries[i], s->era);
	if (count == 0) return;
	s->nested = check_calloc(count, sizeof *s->nested);
	count = 0;
	for (size_t i = 0; i < n; i++)
		if (makes_nested(&entries[i], s->era))
			s->nested[count++] = span_first(
				entries[i].path, entries[i].path.n - base_of(entries[i].path).n);
	qsort(s->nested, count, sizeof *s->nested, order_spans);
	for (size_t i = 0; i < count; i++)
		if (s->nested_n == 0 || !span_has_prefix(s->nested[i], s->nested[s->nested_n - 1]))
			s->nested[s->nested_n++] = s->nested[i];
}

/* Since none of the directories lies in another, only the last one that is not behind path in the order can hold
 * it: what stands between a directory and a path in it lies in that directory too. */
static bool in_nested(const struct selection *s, struct mg_span path)
{
	size_t low = 0, high = s->nested_n;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (span_cmp(s->nested[middle], path) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && span_has_prefix(path, s->nested[low - 1]);
}

/* As Go's path.Clean would leave it, and relative. "." and "../x" are; they fail as file paths. */
static bool is_clean(struct mg_span path)
{
	bool above = true;
	if (path.n == 0) return false;
	if (path.n == 1 && path.p[0] == '.') return true;
	while (path.p != NULL) {
		const struct mg_span elem = span_cut(&path, '/');
		if (elem.n == 0 || span_eq(elem, SPAN("."))) return false;
		if (!span_eq(elem, SPAN("..")))
			above = false;
		else if (!above)
			return false;
	}
	return true;
}

static const char *spelling_fault(struct mg_span path, enum zipselect_era era)
{
	const struct mg_span name = era == ZIPSELECT_GO_1_12 ? base_of(path) : path;
	if (!span_eq_nocase(name, SPAN("go.mod")) || span_eq(name, SPAN("go.mod"))) return NULL;
	return "go.mod must be spelled in small letters";
}

/* The first rule that decides, in the order of §4.1. NULL: taken or left out, as *taken says. */
static const char *judge(struct selection *s, const struct zipselect_entry *e, bool *taken)
{
	const char *fault;
	*taken = false;
	if (!is_clean(e->path)) return "file path is not clean";
	if (s->era == ZIPSELECT_GO_1_12 && !e->regular) return NULL;
	if (ziprules_vendored(e->path, s->vendor_1_24)) return NULL;
	if (in_nested(s, e->path)) return NULL;
	if (span_eq(e->path, SPAN(".hg_archival.txt"))) return NULL;
	if (modpath_check_file(e->path, NULL) != MG_OK) return "malformed file path";
	if ((fault = spelling_fault(e->path, s->era)) != NULL) return fault;
	if ((fault = foldtree_add(&s->names, e->path, false)) != NULL) return fault;
	*taken = e->regular;
	return NULL;
}

bool zipselect_wants_license(const struct zipselect_entry *entries, size_t n,
			     enum zipselect_era era)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(entries[i].path, SPAN("LICENSE")) &&
		    (entries[i].regular || era != ZIPSELECT_GO_1_12))
			return false;
	return true;
}

enum mg_code zipselect_run(struct zipselect_entry *entries, size_t n, struct mg_span gomod,
			   enum zipselect_era era, struct mg_err *err)
{
	struct selection s = { .era = era, .names = FOLDTREE_INIT };
	enum mg_code rc = MG_OK;
	s.vendor_1_24 = era == ZIPSELECT_GO_1_24 && has_new_vendor_rule(gomod);
	find_nested(&s, entries, n);
	for (size_t i = 0; i < n && rc == MG_OK; i++) {
		const char *fault = judge(&s, &entries[i], &entries[i].taken);
		if (fault != NULL)
			rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS,
				     "no module zip can be made of it: %.*s: %s",
				     SPAN_ARG(span_first(entries[i].path, 200)), fault);
	}
	free(s.nested);
	foldtree_deinit(&s.names);
	return rc;
}
