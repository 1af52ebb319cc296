/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modzip.h"

#include <stdlib.h>

#include "base/check.h"
#include "gomod/foldtree.h"
#include "gomod/modpath.h"
#include "gomod/zipreader.h"
#include "gomod/ziprules.h"

struct check {
	const struct zipsource *source;
	struct zipsource_window window;
	struct zipdir dir;
	struct zipreader *reader;
	struct mg_buf prefix; /* "PATH@VERSION/" */
	struct mg_buf *gomod;
	struct dirhash_file *files;
	struct modzip_report report;
};

static enum mg_code refuse(struct mg_err *err, const struct zipdir_entry *e, const char *why)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM, "zip entry %.*s: %s",
		       SPAN_ARG(span_first(e->name, 200)), why);
}

static bool is_directory(const struct zipdir_entry *e)
{
	return span_has_suffix(e->name, SPAN("/"));
}

static const char *gomod_fault(struct mg_span name)
{
	struct mg_span base = span_from(name, (size_t)(span_last_index(name, '/') + 1));
	if (!span_eq_nocase(base, SPAN("go.mod"))) return NULL;
	if (base.n != name.n) return "go.mod file not in the module's root";
	return span_eq(name, SPAN("go.mod")) ? NULL : "go.mod must be spelled in small letters";
}

/* §4.5. name: without prefix; the entry that is only the prefix has none and is let pass. */
static const char *name_fault(struct mg_span name, bool is_dir, struct foldtree *tree)
{
	if (is_dir) name = span_first(name, name.n - 1);
	if (modpath_check_file(name, NULL) != MG_OK) return "malformed file path";
	const char *fault = foldtree_add(tree, name, is_dir);
	if (fault != NULL) return fault;
	return is_dir ? NULL : gomod_fault(name);
}

static const char *size_fault(struct mg_span name, uint64_t size, uint64_t *total)
{
	if (size > MODZIP_MAX - *total) return "all files together are larger than 524288000 bytes";
	*total += size;
	bool special = span_eq(name, SPAN("go.mod")) || span_eq(name, SPAN("LICENSE"));
	return special && size > MODZIP_SPECIAL_MAX ? "larger than 16777216 bytes" : NULL;
}

static const char *entry_fault(struct check *c, const struct zipdir_entry *e, struct foldtree *tree)
{
	struct mg_span prefix = buf_span(&c->prefix);
	if (!span_has_prefix(e->name, prefix)) return "its name does not begin with PATH@VERSION/";
	if (e->name.n > MODZIP_NAME_MAX) return "its name is too long";
	struct mg_span name = span_from(e->name, prefix.n);
	bool is_dir = is_directory(e);
	/* Go unpacks a directory with content, but cannot hash it. */
	if (is_dir && e->size != 0) return "a directory with content";
	if (name.n == 0) return NULL;
	const char *fault = name_fault(name, is_dir, tree);
	return fault != NULL || is_dir ? fault : size_fault(name, e->size, &c->report.unpacked);
}

static enum mg_code check_names(struct check *c, struct mg_err *err)
{
	struct foldtree tree = FOLDTREE_INIT;
	enum mg_code rc = MG_OK;
	for (size_t i = 0; i < c->dir.n && rc == MG_OK; i++) {
		const char *fault = entry_fault(c, &c->dir.entries[i], &tree);
		if (fault != NULL) rc = refuse(err, &c->dir.entries[i], fault);
	}
	foldtree_deinit(&tree);
	return rc;
}

struct sums {
	struct sha256 sha256;
	struct mg_buf *gomod; /* NULL: another file */
};

static void take_bytes(void *arg, struct mg_span bytes)
{
	struct sums *sums = arg;
	sha256_update(&sums->sha256, bytes);
	if (sums->gomod != NULL) buf_append(sums->gomod, bytes);
}

/* Hashes one entry into *file. from: where the entry before ends; becomes where this one ends. */
static enum mg_code check_entry(struct check *c, const struct zipdir_entry *e,
				struct dirhash_file *file, uint64_t *from, struct mg_err *err)
{
	uint64_t body;
	enum mg_code rc = zipreader_locate(c->reader, e, &body, err);
	if (rc != MG_OK) return rc;
	/* A directory's data is never read, and some writers declare it without having any. */
	uint64_t packed = is_directory(e) ? 0 : e->packed;
	if (e->header < *from || body > c->dir.offset || packed > c->dir.offset - body)
		return refuse(err, e, "it overlaps another entry or the directory");
	*from = body + packed;
	struct sums sums = { 0 };
	sha256_init(&sums.sha256);
	if (span_eq(span_from(e->name, c->prefix.n), SPAN("go.mod"))) {
		c->report.has_gomod = true;
		sums.gomod = c->gomod;
	}
	if (!is_directory(e))
		rc = zipreader_unpack(c->reader, e, body, take_bytes, &sums, from, err);
	sha256_final(&sums.sha256, file->sha256);
	file->name = e->name;
	return rc;
}

static int order_by_header(const void *a, const void *b)
{
	uint64_t x = ((const struct zipdir_entry *)a)->header;
	uint64_t y = ((const struct zipdir_entry *)b)->header;
	return x < y ? -1 : x > y;
}

/* In the order of the file, so that it is read once from front to back. */
static enum mg_code check_contents(struct check *c, struct mg_err *err)
{
	uint64_t from = 0;
	if (c->dir.n > 1) qsort(c->dir.entries, c->dir.n, sizeof *c->dir.entries, order_by_header);
	for (size_t i = 0; i < c->dir.n; i++) {
		enum mg_code rc = check_entry(c, &c->dir.entries[i], &c->files[i], &from, err);
		if (rc != MG_OK) return rc;
	}
	/* No name holds a line feed: the file path rules have none. */
	MG_ASSERT(dirhash_files(c->files, c->dir.n, c->report.h1));
	return MG_OK;
}

static enum mg_code check_zip(struct check *c, struct mg_err *err)
{
	enum mg_code rc;
	if (c->source->size > MODZIP_MAX)
		return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
			       "the zip is larger than %u bytes", MODZIP_MAX);
	if ((rc = zipdir_read(&c->window, &c->dir, err)) != MG_OK) return rc;
	if ((rc = check_names(c, err)) != MG_OK) return rc;
	c->files = check_calloc(c->dir.n, sizeof *c->files);
	c->reader = zipreader_new(&c->window);
	if ((rc = check_contents(c, err)) != MG_OK) return rc;
	c->report.directory = c->dir.offset;
	c->report.entries = c->dir.n;
	return MG_OK;
}

static enum mg_code begin(struct check *c, const struct zipsource *source, struct mg_span path,
			  struct mg_span version, struct mg_err *err)
{
	const enum mg_code rc = modpath_check_version(path, version, err);
	if (rc != MG_OK) return rc;
	c->source = source;
	c->prefix = BUF_MAX(path.n + version.n + 2);
	buf_append(&c->prefix, path);
	buf_append_char(&c->prefix, '@');
	buf_append(&c->prefix, version);
	buf_append_char(&c->prefix, '/');
	zipsource_open(source, &c->window);
	return MG_OK;
}

static void end(struct check *c)
{
	zipreader_free(&c->reader);
	zipsource_close(&c->window);
	zipdir_deinit(&c->dir);
	free(c->files);
	buf_deinit(&c->prefix);
}

enum mg_code modzip_check(const struct zipsource *source, struct mg_span path,
			  struct mg_span version, struct mg_buf *gomod, struct modzip_report *out,
			  struct mg_err *err)
{
	MG_ASSERT(gomod == NULL || gomod->max - gomod->n >= MODZIP_SPECIAL_MAX);
	struct check c = { .gomod = gomod };
	enum mg_code rc = begin(&c, source, path, version, err);
	if (rc != MG_OK) return rc;
	rc = check_zip(&c, err);
	if (rc == MG_OK) *out = c.report;
	end(&c);
	return rc;
}

const char *modzip_explain(const struct zipsource *source, struct mg_span path,
			   struct mg_span version, const char *want_h1)
{
	struct check c = { 0 };
	struct mg_err err;
	const char *rules = NULL;
	if (begin(&c, source, path, version, &err) != MG_OK) return NULL;
	if (check_zip(&c, &err) == MG_OK)
		rules = ziprules_match(c.files, c.dir.n, c.prefix.n, want_h1);
	end(&c);
	return rules;
}
