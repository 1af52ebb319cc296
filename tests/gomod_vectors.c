/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the vectors of tests/oracle/vectors from standard input, asks src/gomod the same and compares.
 * Prints the count of each kind, the disagreements, and where modgate is stricter on purpose. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "gomod/dirhash.h"
#include "gomod/foldtree.h"
#include "gomod/goimport.h"
#include "gomod/goquote.h"
#include "gomod/govcs.h"
#include "gomod/modfile.h"
#include "gomod/modpath.h"
#include "gomod/modzip.h"
#include "gomod/pattern.h"
#include "gomod/proxylist.h"
#include "gomod/pseudo.h"
#include "gomod/repopath.h"
#include "gomod/rune.h"
#include "gomod/target.h"
#include "gomod/unicode_fold.h"
#include "gomod/unicode_letter.h"
#include "gomod/unicode_print.h"
#include "gomod/verlist.h"
#include "gomod/version.h"
#include "gomod/zipselect.h"
#include "gomod/zipwriter.h"

#define FIELDS_MAX 16
#define SHOWN_MAX  20

struct vector {
	struct mg_span field[FIELDS_MAX]; /* behind the kind */
	size_t n;
	struct mg_buf *out; /* for answers */
	struct arena *arena;
	const char *stricter; /* set by a check that passes although the answers differ */
};

static bool is_true(struct mg_span s)
{
	return span_eq(s, SPAN("1"));
}

/* Was what happened (ok, then out) what should (fields at, at + 1)? */
static bool same(const struct vector *v, size_t at, bool ok)
{
	if (ok != is_true(v->field[at])) return false;
	return !ok || span_eq(buf_span(v->out), v->field[at + 1]);
}

static bool check_module(struct vector *v)
{
	return (modpath_check(v->field[0], NULL) == MG_OK) == is_true(v->field[1]);
}

static bool check_import(struct vector *v)
{
	return (modpath_check_import(v->field[0], NULL) == MG_OK) == is_true(v->field[1]);
}

static bool check_file(struct vector *v)
{
	return (modpath_check_file(v->field[0], NULL) == MG_OK) == is_true(v->field[1]);
}

static bool check_version(struct vector *v)
{
	bool ok = modpath_check_version(v->field[0], v->field[1], NULL) == MG_OK;
	return ok == is_true(v->field[2]);
}

static bool split(struct vector *v)
{
	struct mg_span prefix, major;
	bool ok = modpath_split(v->field[0], &prefix, &major);
	return ok == is_true(v->field[1]) && span_eq(prefix, v->field[2]) &&
	       span_eq(major, v->field[3]);
}

static bool fits(struct vector *v)
{
	return modpath_major_fits(v->field[0], v->field[1]) == is_true(v->field[2]);
}

static bool escape(struct vector *v)
{
	return same(v, 1, modpath_escape(v->field[0], v->out, NULL) == MG_OK);
}

static bool unescape(struct vector *v)
{
	return same(v, 1, modpath_unescape(v->field[0], v->out, NULL) == MG_OK);
}

static bool escape_rev(struct vector *v)
{
	return same(v, 1, modpath_escape_rev(v->field[0], v->out, NULL) == MG_OK);
}

static bool unescape_rev(struct vector *v)
{
	return same(v, 1, modpath_unescape_rev(v->field[0], v->out, NULL) == MG_OK);
}

static bool fold(struct vector *v)
{
	/* A pair of names as siblings; a name that no tree can hold is folded all the same. */
	struct mg_span a = v->field[0], b = v->field[1];
	while (a.n > 0 && b.n > 0)
		if (unicode_fold(rune_next(&a)) != unicode_fold(rune_next(&b)))
			return !is_true(v->field[2]);
	return (a.n == 0 && b.n == 0) == is_true(v->field[2]);
}

static bool runes(struct vector *v)
{
	uint64_t first;
	if (!span_u64(v->field[0], RUNE_MAX, &first)) return false;
	for (size_t i = 0; i < v->field[1].n; i++) {
		uint32_t r = (uint32_t)(first + i), folded;
		unsigned char flags = (unsigned char)v->field[1].p[i];
		memcpy(&folded, v->field[2].p + 4 * i, sizeof folded);
		if (unicode_fold(r) != folded || rune_is_space(r) != ((flags & 4) != 0))
			return false;
		if (r < 0x80) continue;
		if (unicode_letter_has(r) != ((flags & 1) != 0) ||
		    unicode_print_has(r) != ((flags & 2) != 0))
			return false;
	}
	return true;
}

static bool url(struct vector *v)
{
	struct target t;
	enum mg_code rc = target_make(TARGET_INFO, v->field[0], v->field[1], v->arena, &t, NULL);
	if (rc == MG_OK) target_url(&t, v->out);
	return span_eq(buf_span(v->out), v->field[2]);
}

static bool version(struct vector *v)
{
	struct mg_span s = v->field[0];
	bool valid = version_is_valid(s);
	return valid == is_true(v->field[1]) && version_canonical(s, v->out) == valid &&
	       span_eq(buf_span(v->out), v->field[2]) && span_eq(version_major(s), v->field[3]) &&
	       version_is_prerelease(s) == is_true(v->field[4]) &&
	       version_is_incompatible(s) == is_true(v->field[5]) &&
	       version_is_canonical(s) == (valid && span_eq(s, v->field[2]));
}

static bool compare(struct vector *v)
{
	int c = version_compare(v->field[0], v->field[1]);
	const char *name = c < 0 ? "-1" : c > 0 ? "1" : "0";
	return span_eq(v->field[2], span_of(name));
}

static bool sort(struct vector *v)
{
	struct mg_span list[64], rest = v->field[0];
	size_t n = 0;
	while (rest.p != NULL && n < 64)
		list[n++] = span_cut(&rest, '\n');
	version_sort(list, n);
	for (size_t i = 0; i < n; i++) {
		if (i > 0) buf_append_char(v->out, '\n');
		buf_append(v->out, list[i]);
	}
	return span_eq(buf_span(v->out), v->field[1]);
}

static bool pseudo(struct vector *v)
{
	struct mg_span s = v->field[0];
	struct pseudo p = { 0 };
	int64_t at;
	char text[32] = "";
	if (pseudo_parse(s, &p) != is_true(v->field[1])) return false;
	if (pseudo_is(s) != is_true(v->field[1]) || !span_eq(p.rev, v->field[6])) return false;
	if (!same(v, 2, pseudo_base(s, v->out, NULL) == MG_OK)) return false;
	if (pseudo_time(s, &at) != is_true(v->field[4])) return false;
	if (is_true(v->field[4])) snprintf(text, sizeof text, "%lld", (long long)at);
	return span_eq(span_of(text), v->field[5]);
}

static bool pseudo_built(struct vector *v)
{
	uint64_t at;
	if (!span_u64(v->field[2], INT64_MAX, &at)) return false;
	pseudo_build(v->field[0], v->field[1], (int64_t)at, v->field[3], v->out);
	return span_eq(buf_span(v->out), v->field[4]);
}

static bool match(struct vector *v)
{
	return pattern_match(v->field[0], v->field[1]) == is_true(v->field[2]);
}

static bool list(struct vector *v)
{
	struct verlist versions = VERLIST_INIT;
	bool ok = verlist_parse(v->field[1], v->field[0], v->arena, &versions, NULL) == MG_OK;
	verlist_sort(&versions);
	verlist_print(&versions, v->out);
	return same(v, 2, ok);
}

static bool goproxy(struct vector *v)
{
	/* What no request can be made of, and what hides a mistake. */
	static const char *const on_purpose[] = {
		"missing host", "no fragment",  "control character or space",
		"in host",      "file:///path",
	};
	struct proxylist proxies;
	struct mg_err err;
	enum mg_code rc = proxylist_parse(v->field[0], v->arena, &proxies, &err);
	for (size_t i = 0; rc == MG_OK && i < proxies.n; i++) {
		buf_append_char(v->out, "udo"[proxies.entries[i].kind]);
		buf_append_char(v->out, proxies.entries[i].any_error ? '|' : ',');
	}
	for (size_t i = 0; i < 5 && rc != MG_OK && is_true(v->field[1]); i++)
		if (strstr(err.text, on_purpose[i]) != NULL) v->stricter = on_purpose[i];
	return v->stricter != NULL || same(v, 1, rc == MG_OK);
}

static void put(struct mg_buf *b, const char *label, struct mg_span s)
{
	if (s.n == 0) return;
	buf_printf(b, "%s=", label);
	buf_append(b, s);
	buf_append_char(b, ';');
}

static void put_paths(struct mg_buf *b, const char *label, const struct mg_span *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s=", label);
		buf_append(b, paths[i]);
		buf_append_char(b, ';');
	}
}

static void put_module(struct mg_buf *b, struct modfile_module m)
{
	buf_append(b, m.path);
	buf_append_char(b, ' ');
	buf_append(b, m.version);
}

static void describe(const struct modfile *f, struct mg_buf *b)
{
	put(b, "module", f->path);
	put(b, "deprecated", f->deprecated);
	put(b, "go", f->go);
	put(b, "toolchain", f->toolchain);
	for (size_t i = 0; i < f->requires; i++) {
		buf_append_str(b, "require=");
		put_module(b, f->require[i].module);
		buf_append_str(b, f->require[i].indirect ? " 1;" : " 0;");
	}
	for (size_t i = 0; i < f->excludes; i++) {
		buf_append_str(b, "exclude=");
		put_module(b, f->exclude[i]);
		buf_append_char(b, ';');
	}
	for (size_t i = 0; i < f->replaces; i++) {
		buf_append_str(b, "replace=");
		put_module(b, f->replace[i].old);
		buf_append_str(b, "=>");
		put_module(b, f->replace[i].new);
		buf_append_char(b, ';');
	}
	for (size_t i = 0; i < f->retracts; i++) {
		buf_append_str(b, "retract=");
		buf_append(b, f->retract[i].low);
		buf_append_str(b, "..");
		buf_append(b, f->retract[i].high);
		buf_append_char(b, '(');
		buf_append(b, f->retract[i].rationale);
		buf_append_str(b, ");");
	}
	put_paths(b, "tool", f->tool, f->tools);
	put_paths(b, "ignore", f->ignore, f->ignores);
	put_paths(b, "godebug", f->godebug, f->godebugs);
}

static bool gomod(struct vector *v)
{
	static const enum modfile_mode modes[] = { MODFILE_LAX, MODFILE_STRICT };
	for (size_t i = 0; i < 2; i++) {
		struct modfile f;
		buf_clear(v->out);
		bool ok = modfile_parse(v->field[0], modes[i], v->arena, &f, NULL) == MG_OK;
		if (ok) describe(&f, v->out);
		if (!same(v, 1 + 2 * i, ok)) return false;
	}
	buf_clear(v->out);
	modfile_scan_path(v->field[0], v->out);
	return span_eq(buf_span(v->out), v->field[5]);
}

static bool unquote(struct vector *v)
{
	return same(v, 1, goquote_unquote(v->field[0], v->out));
}

static enum mg_code read_memory(void *arg, uint64_t offset, void *out, size_t n, struct mg_err *err)
{
	const struct mg_span *bytes = arg;
	MG_ASSERT(n > 0 && n <= bytes->n && offset <= bytes->n - n);
	memcpy(out, bytes->p + offset, n);
	return MG_OK;
}

static bool zip(struct vector *v)
{
	/* The last three: a directory given twice, of which Go opens only the second one. */
	static const char *const on_purpose[] = {
		"overlaps",           "is too long",         "too many",
		"/: no local header", "/: its local header", "/: a directory with content",
	};
	size_t reasons = sizeof on_purpose / sizeof on_purpose[0];
	struct zipsource source = { read_memory, &v->field[2], v->field[2].n };
	struct modzip_report report;
	struct mg_err err;
	enum mg_code rc = modzip_check(&source, v->field[0], v->field[1], NULL, &report, &err);
	if (rc == MG_OK) return is_true(v->field[3]) && span_eq(span_of(report.h1), v->field[4]);
	for (size_t i = 0; i < reasons && is_true(v->field[3]); i++)
		if (strstr(err.text, on_purpose[i]) != NULL) v->stricter = on_purpose[i];
	if (is_true(v->field[3])) buf_append_str(v->out, err.text);
	return !is_true(v->field[3]) || v->stricter != NULL;
}

struct node {
	struct mg_span pattern;
	size_t size;
};

static size_t take_u32(struct mg_span *rest)
{
	MG_ASSERT(rest->n >= 4);
	const uint32_t v = zipsource_u32(rest->p);
	*rest = span_from(*rest, 4);
	return v;
}

static struct mg_span take_text(struct mg_span *rest)
{
	const size_t n = take_u32(rest);
	const struct mg_span text = span_first(*rest, n);
	MG_ASSERT(text.n == n);
	*rest = span_from(*rest, n);
	return text;
}

/* A node's content: its pattern again and again. */
static struct mg_span content(struct vector *v, const struct node *node)
{
	char *p = arena_alloc(v->arena, node->size + 1);
	for (size_t i = 0; i < node->size; i++)
		p[i] = node->pattern.p[i % node->pattern.n];
	return span_make(p, node->size);
}

static enum mg_code append(void *arg, struct mg_span bytes, struct mg_err *err)
{
	MG_ASSERT(buf_append(arg, bytes));
	return MG_OK;
}

static enum mg_code write_tree(struct vector *v, const struct zipselect_entry *entries,
			       const struct node *nodes, size_t n, char *h1, struct mg_err *err)
{
	const struct zipwriter_sink sink = { append, v->out };
	struct zipwriter *w = NULL;
	enum mg_code rc = zipwriter_new(&sink, v->field[0], v->field[1], &w, err);
	for (size_t i = 0; i < n && rc == MG_OK; i++) {
		if (!entries[i].taken) continue;
		rc = zipwriter_begin(w, entries[i].path, nodes[i].size, err);
		if (rc == MG_OK) rc = zipwriter_write(w, content(v, &nodes[i]), err);
	}
	if (rc == MG_OK) rc = zipwriter_end(w, h1, err);
	zipwriter_free(&w);
	return rc;
}

/* The zip of a tree is what Go makes of it, and good by the rules for zips from elsewhere. */
static bool tree(struct vector *v)
{
	struct zipselect_entry entries[64];
	struct node nodes[64];
	struct mg_span rest = v->field[2], gomod = { 0 };
	char h1[DIRHASH_SIZE] = "";
	struct modzip_report report;
	struct mg_err err = { 0 };
	size_t n = 0;
	for (; rest.n > 0; n++) {
		MG_ASSERT(n < 64);
		entries[n] = (struct zipselect_entry){ .path = take_text(&rest) };
		nodes[n].pattern = take_text(&rest);
		nodes[n].size = take_u32(&rest);
		entries[n].regular = rest.p[0] == '0';
		rest = span_from(rest, 1);
		if (span_eq(entries[n].path, SPAN("go.mod")) && entries[n].regular)
			gomod = content(v, &nodes[n]);
	}
	enum mg_code rc = zipselect_run(entries, n, gomod, ZIPSELECT_GO_1_24, &err);
	if (rc == MG_OK) rc = write_tree(v, entries, nodes, n, h1, &err);
	if (rc != MG_OK) {
		if (is_true(v->field[3]) && strstr(err.text, "occurs twice") != NULL)
			v->stricter = "a link and a file of one name";
		return !is_true(v->field[3]) || v->stricter != NULL;
	}
	struct mg_span zip = buf_span(v->out);
	const struct zipsource source = { read_memory, &zip, zip.n };
	rc = modzip_check(&source, v->field[0], v->field[1], NULL, &report, &err);
	return rc == MG_OK && strcmp(report.h1, h1) == 0 && is_true(v->field[3]) &&
	       span_eq(span_of(h1), v->field[4]);
}

static bool dirhash(struct vector *v)
{
	struct dirhash_file files[64];
	struct mg_span names = v->field[0], contents = v->field[1];
	uint64_t n;
	char h1[DIRHASH_SIZE];
	if (!span_u64(v->field[2], 64, &n)) return false;
	for (size_t i = 0; i < n; i++) {
		files[i].name = span_cut(&names, '\0');
		sha256_of(span_cut(&contents, '\0'), files[i].sha256);
	}
	bool ok = dirhash_files(files, n, h1);
	if (ok) buf_append_str(v->out, h1);
	return same(v, 3, ok);
}

static void put_tag(const struct goimport_tag *t, struct mg_buf *out)
{
	const struct mg_span parts[] = { t->prefix, t->vcs, t->url, t->subdir };
	for (size_t i = 0; i < 4; i++) {
		buf_append(out, parts[i]);
		buf_append_char(out, i < 3 ? '\0' : '\n');
	}
}

static bool goimport(struct vector *v)
{
	struct goimport_page page;
	bool ok = goimport_parse(v->field[0], v->arena, &page, NULL) == MG_OK;
	for (size_t i = 0; i < page.n; i++)
		put_tag(&page.tags[i], v->out);
	return same(v, 1, ok);
}

static bool choose(struct vector *v)
{
	struct goimport_page page;
	struct goimport_tag tag;
	bool ok = goimport_parse(v->field[0], v->arena, &page, NULL) == MG_OK &&
		  goimport_match(&page, v->field[1], &tag, NULL) == MG_OK;
	if (ok) put_tag(&tag, v->out);
	return same(v, 2, ok);
}

static bool repopath(struct vector *v)
{
	static const char *const names[] = { "ask", "fixed", "qualified" };
	struct repopath r;
	bool ok = repopath_find(v->field[0], &r, NULL) == MG_OK;
	const struct mg_span parts[] = { span_of(names[r.kind]), r.root, r.repo, r.vcs };
	for (size_t i = 0; i < 4; i++) {
		if (i > 0) buf_append_char(v->out, ' ');
		buf_append(v->out, parts[i]);
	}
	return same(v, 1, ok);
}

static bool govcs(struct vector *v)
{
	struct govcs g;
	bool ok = govcs_parse(v->field[0], v->arena, &g, NULL) == MG_OK;
	if (ok != is_true(v->field[4])) return false;
	return !ok || govcs_allows(&g, v->field[1], is_true(v->field[2]), v->field[3]) ==
			      is_true(v->field[5]);
}

static struct kind {
	const char *name;
	size_t fields;
	bool (*check)(struct vector *v);
	unsigned long passed, failed, stricter;
} kinds[] = {
	{ "check_module", 2, check_module },
	{ "check_import", 2, check_import },
	{ "check_file", 2, check_file },
	{ "check_version", 3, check_version },
	{ "split", 4, split },
	{ "fits", 3, fits },
	{ "escape", 3, escape },
	{ "unescape", 3, unescape },
	{ "escape_rev", 3, escape_rev },
	{ "unescape_rev", 3, unescape_rev },
	{ "fold", 3, fold },
	{ "runes", 3, runes },
	{ "url", 3, url },
	{ "version", 6, version },
	{ "compare", 3, compare },
	{ "sort", 2, sort },
	{ "pseudo", 7, pseudo },
	{ "pseudo_build", 5, pseudo_built },
	{ "match", 3, match },
	{ "list", 4, list },
	{ "goproxy", 3, goproxy },
	{ "gomod", 6, gomod },
	{ "unquote", 3, unquote },
	{ "zip", 5, zip },
	{ "tree", 5, tree },
	{ "dirhash", 5, dirhash },
	{ "goimport", 3, goimport },
	{ "choose", 4, choose },
	{ "repopath", 3, repopath },
	{ "govcs", 6, govcs },
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

/* Bytes of fields with all but plain ASCII written as \xHH, cut at 400. */
static void show(struct mg_span s)
{
	for (size_t i = 0; i < s.n && i < 400; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x20 && c < 0x7f && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
}

static void complain(const struct kind *k, const struct vector *v)
{
	printf("DIFFERS %s:", k->name);
	for (size_t i = 0; i < v->n; i++) {
		printf(" [");
		show(v->field[i]);
		printf("]");
	}
	printf(" modgate: [");
	show(buf_span(v->out));
	printf("]\n");
}

static void check(struct kind *k, struct vector *v)
{
	v->stricter = NULL;
	if (v->n == k->fields && k->check(v)) {
		k->passed++;
		k->stricter += v->stricter != NULL;
	} else {
		if (k->failed++ < SHOWN_MAX) complain(k, v);
	}
}

static bool read_exactly(void *to, size_t n)
{
	return fread(to, 1, n, stdin) == n;
}

/* Reads one vector into fields of exact size, so that ASan sees a read beyond any of them. False at
 * the end of the input. */
static bool read_vector(struct mg_span *field, size_t *n)
{
	unsigned char count;
	*n = 0;
	if (!read_exactly(&count, 1)) return false;
	MG_ASSERT(count > 0 && count <= FIELDS_MAX);
	for (; *n < count; ++*n) {
		uint32_t size;
		MG_ASSERT(read_exactly(&size, sizeof size) && size < 1u << 28);
		char *p = check_malloc(size);
		MG_ASSERT(read_exactly(p, size));
		field[*n] = span_make(p, size);
	}
	return true;
}

static void free_fields(struct mg_span *field, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)field[i].p);
}

static struct kind *find_kind(struct mg_span name)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (span_eq(name, span_of(kinds[i].name))) return &kinds[i];
	MG_ASSERT(false && "a kind of vector that is not known here");
	return NULL;
}

int main(void)
{
	struct mg_span field[FIELDS_MAX];
	struct mg_buf out = BUF_MAX(1u << 28);
	unsigned long passed = 0, failed = 0;
	size_t n;
	while (read_vector(field, &n)) {
		struct arena arena = ARENA_INIT;
		struct vector v = { .n = n - 1, .out = &out, .arena = &arena };
		memcpy(v.field, field + 1, (n - 1) * sizeof *field);
		buf_clear(&out);
		check(find_kind(field[0]), &v);
		arena_deinit(&arena);
		free_fields(field, n);
	}
	for (size_t i = 0; i < KIND_COUNT; i++) {
		printf("%-13s %6lu passed, %lu failed", kinds[i].name, kinds[i].passed,
		       kinds[i].failed);
		if (kinds[i].stricter > 0)
			printf(" (in %lu modgate refuses what Go takes, on purpose)",
			       kinds[i].stricter);
		putchar('\n');
		passed += kinds[i].passed;
		failed += kinds[i].failed;
	}
	printf("%lu passed, %lu failed\n", passed, failed);
	buf_deinit(&out);
	return failed > 0 || passed == 0;
}
