/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gitarchive.h"

#include <stdlib.h>

#include "base/check.h"
#include "gomod/tarreader.h"
#include "gomod/zipwriter.h"
#include "vcs/gittree.h"

struct packing {
	const struct gitarchive *what;
	struct zipselect_entry *entries; /* sorted by path, as those of the archive mostly are */
	size_t n, next;
	struct zipwriter *zip;
	struct tarreader tar;
	bool writing;  /* the file that is coming is taken */
	bool licensed; /* the inherited LICENSE is written, or there is none */
};

static int by_path(const void *a, const void *b)
{
	const struct zipselect_entry *x = a, *y = b;

	return span_cmp(x->path, y->path);
}

static enum mg_code write_license(struct packing *p, struct mg_err *err)
{
	p->licensed = true;
	enum mg_code code = zipwriter_begin(p->zip, SPAN("LICENSE"), p->what->license.n, err);
	if (code == MG_OK && p->what->license.n > 0)
		code = zipwriter_write(p->zip, p->what->license, err);
	return code;
}

/* The path below the module's root; empty: the entry is not below it. */
static struct mg_span below(struct mg_span path, struct mg_span dir)
{
	if (dir.n == 0) return path;
	if (path.n <= dir.n + 1 || path.p[dir.n] != '/' || !span_has_prefix(path, dir))
		return SPAN("");
	return span_from(path, dir.n + 1);
}

/* NULL: the list has none of that path. The archive is in the order of the trees; git's are sorted, and those of
 * other programs need not be. */
static const struct zipselect_entry *entry_of(struct packing *p, struct mg_span path)
{
	const struct zipselect_entry key = { .path = path };

	if (p->next == p->n || !span_eq(p->entries[p->next].path, path)) {
		const struct zipselect_entry *found =
			p->n == 0 ? NULL
				  : bsearch(&key, p->entries, p->n, sizeof *p->entries, by_path);
		if (found == NULL) return NULL;
		p->next = (size_t)(found - p->entries);
	}
	return &p->entries[p->next++];
}

static enum mg_code begin(void *arg, const struct tarreader_entry *e, struct mg_err *err)
{
	struct packing *p = arg;
	struct mg_span path = below(e->path, p->what->dir);
	enum mg_code code = MG_OK;

	p->writing = false;
	if (e->kind != TARREADER_FILE || path.n == 0) return MG_OK;
	const struct zipselect_entry *listed = entry_of(p, path);
	if (listed == NULL)
		return err_set(err, MG_CORRUPT, MG_CAUSE_VCS,
			       "git's archive has %.*s, and its tree has not", SPAN_ARG(path));
	if (!listed->taken) return MG_OK;
	if (!p->licensed && span_cmp(SPAN("LICENSE"), path) < 0) code = write_license(p, err);
	if (code != MG_OK) return code;
	p->writing = true;
	return zipwriter_begin(p->zip, path, e->size, err);
}

static enum mg_code content(void *arg, struct mg_span piece, struct mg_err *err)
{
	struct packing *p = arg;

	return p->writing ? zipwriter_write(p->zip, piece, err) : MG_OK;
}

static enum mg_code feed(void *arg, struct mg_span piece, struct mg_err *err)
{
	struct packing *p = arg;

	return tarreader_feed(&p->tar, piece, err);
}

/* The options, the order and the attributes (mirrorfolder.c) are those of the go command. */
static enum mg_code run(const struct mirror_use *u, struct packing *p, struct mg_err *err)
{
	static const char *const config[] = { "core.autocrlf=input", "core.eol=lf", NULL };
	struct arena a = ARENA_INIT;
	/* A module's folder may be called "-o". */
	const char *args[] = { "archive",
			       "--format=tar",
			       "--end-of-options",
			       arena_strdup(&a, p->what->commit),
			       p->what->dir.n > 0 ? arena_strdup(&a, p->what->dir) : NULL,
			       NULL };
	struct gitcmd_spec spec;

	enum mg_code code = mirror_reader(u, &spec, err);
	spec.args = args;
	spec.config = config;
	if (code == MG_OK) code = mirror_read(u, &spec, feed, p, err);
	if (code == MG_OK) code = tarreader_end(&p->tar, err);
	arena_deinit(&a);
	return code;
}

/* Lists the tree and says which of its files are taken. */
static enum mg_code choose(const struct mirror_use *u, struct packing *p, struct mg_buf *text,
			   struct mg_err *err)
{
	const struct gitarchive *w = p->what;

	enum mg_code code = gittree_list(u, w->commit, w->dir, text, &p->entries, &p->n, err);
	if (code != MG_OK) return code;
	p->licensed = !(w->has_license && w->dir.n > 0 &&
			zipselect_wants_license(p->entries, p->n, w->era));
	size_t n = p->n;
	if (!p->licensed)
		p->entries[n++] =
			(struct zipselect_entry){ .path = SPAN("LICENSE"), .regular = true };
	code = zipselect_run(p->entries, n, w->gomod, w->era, err);
	qsort(p->entries, p->n, sizeof *p->entries, by_path);
	return code;
}

enum mg_code gitarchive_zip(const struct mirror_use *u, const struct gitarchive *what,
			    const struct vcs_sink *sink, char *h1, struct mg_err *err)
{
	struct packing p = { .what = what };
	struct mg_buf text = BUF_MAX(0);
	const struct zipwriter_sink to = { .write = sink->write, .arg = sink->arg };

	tarreader_init(&p.tar,
		       &(struct tarreader_sink){ .begin = begin, .data = content, .arg = &p });
	enum mg_code code = choose(u, &p, &text, err);
	if (code == MG_OK) code = zipwriter_new(&to, what->path, what->version, &p.zip, err);
	if (code == MG_OK) code = run(u, &p, err);
	if (code == MG_OK && !p.licensed) code = write_license(&p, err);
	if (code == MG_OK) code = zipwriter_end(p.zip, h1, err);
	zipwriter_free(&p.zip);
	tarreader_deinit(&p.tar);
	free(p.entries);
	buf_deinit(&text);
	return code;
}
