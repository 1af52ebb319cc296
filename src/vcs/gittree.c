/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/gittree.h"

#include <stdlib.h>

#include "base/check.h"

static enum mg_code take(void *arg, struct mg_span piece, struct mg_err *err)
{
	if (buf_append(arg, piece)) return MG_OK;
	return err_set(err, MG_NOT_FOUND, MG_CAUSE_VCS, "the repository has too many files");
}

/* entry = mode SP type SP hash HT path NUL (git-ls-tree(1), with -z). */
bool gittree_next(struct mg_span *rest, struct mg_span *mode, struct mg_span *path)
{
	struct mg_span before = *rest, entry, words;

	if (rest->n == 0) return false;
	entry = span_cut(rest, '\0');
	words = span_cut(&entry, '\t');
	*mode = span_cut(&words, ' ');
	*path = entry;
	if (rest->p != NULL && entry.n > 0 && words.n > 0 && mode->n == 6) return true;
	*rest = before;
	return false;
}

static enum mg_code run(const struct mirror_use *u, struct mg_span commit, struct mg_span dir,
			struct mg_buf *text, struct mg_err *err)
{
	struct arena a = ARENA_INIT;
	/* The tree of dir itself, so that its entries come with paths relative to it. */
	const char *tree = arena_printf(&a, "%.*s:%.*s", SPAN_ARG(commit), SPAN_ARG(dir));
	const char *const args[] = { "ls-tree",          "-r", "-z", "--full-tree",
				     "--end-of-options", tree, NULL };
	struct gitcmd_spec spec;

	enum mg_code code = mirror_reader(u, &spec, err);
	spec.args = args;
	spec.output_max = GITTREE_MAX;
	if (code == MG_OK) code = mirror_read(u, &spec, take, text, err);
	arena_deinit(&a);
	return code;
}

enum mg_code gittree_list(const struct mirror_use *u, struct mg_span commit, struct mg_span dir,
			  struct mg_buf *text, struct zipselect_entry **out, size_t *n,
			  struct mg_err *err)
{
	struct zipselect_entry *v = NULL;
	size_t count = 0, cap = 0;
	struct mg_span mode, path;

	*text = BUF_MAX(GITTREE_MAX);
	enum mg_code code = run(u, commit, dir, text, err);
	if (code != MG_OK) return code;
	struct mg_span rest = buf_span(text);
	while (gittree_next(&rest, &mode, &path)) {
		if (span_eq(mode, SPAN("160000"))) continue; /* a submodule */
		if (count + 1 >= cap)
			v = check_realloc(v, (cap = cap == 0 ? 256 : 2 * cap) * sizeof *v);
		v[count++] = (struct zipselect_entry){ .path = path,
						       .regular = !span_eq(mode, SPAN("120000")) };
	}
	if (v == NULL) v = check_calloc(1, sizeof *v);
	if (rest.n > 0) {
		free(v);
		return err_set(err, MG_CORRUPT, MG_CAUSE_VCS,
			       "git's list of the files makes no sense");
	}
	*out = v;
	*n = count;
	return MG_OK;
}

void gittree_learn_modules(const struct mirror_use *u, struct mg_span commit)
{
	struct mg_buf text = BUF_MAX(GITTREE_MAX), paths = BUF_MAX(COMMITCACHE_MAX / 2);
	struct mg_span mode, path;

	if (run(u, commit, SPAN(""), &text, NULL) == MG_OK) {
		struct mg_span rest = buf_span(&text);
		while (gittree_next(&rest, &mode, &path)) {
			if (span_eq(mode, SPAN("160000"))) continue;
			if (!span_eq(path, SPAN("go.mod")) &&
			    !span_has_suffix(path, SPAN("/go.mod")))
				continue;
			buf_append(&paths, path);
			buf_append_char(&paths, '\0');
		}
		if (rest.n == 0 && !buf_failed(&paths))
			commitcache_put_modules(mirror_commits(u->mirror), commit,
						buf_span(&paths));
	}
	buf_deinit(&text);
	buf_deinit(&paths);
}
