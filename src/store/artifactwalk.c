/* SPDX-License-Identifier: Apache-2.0 */
#include "store/artifactwalk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "store/store_internal.h"

#define DEPTH_MAX (TARGET_URL_MAX / 2) /* an element has a byte and a slash */
#define KEY_MAX   16384

struct level {
	struct arena arena;
	struct mg_span *names; /* sorted, bytewise */
	size_t n, cap, next;
	size_t path_n; /* of the folder */
};

struct artifactwalk {
	struct store *store;
	struct mg_buf path; /* of the innermost folder */
	struct level levels[DEPTH_MAX];
	size_t depth;
	char *after; /* what is left of it below the innermost folder; NULL: nothing is passed over */
	bool begun;
};

struct artifactwalk *artifactwalk_new(struct store *s, const char *after)
{
	struct artifactwalk *w = check_calloc(1, sizeof *w);
	w->store = s;
	w->path = BUF_MAX(KEY_MAX);
	if (after != NULL) w->after = check_strndup(after, strlen(after));
	return w;
}

static void level_deinit(struct level *l)
{
	free(l->names);
	arena_deinit(&l->arena);
	*l = (struct level){ 0 };
}

void artifactwalk_free(struct artifactwalk **walk)
{
	struct artifactwalk *w = *walk;
	*walk = NULL;
	if (w == NULL) return;
	while (w->depth > 0)
		level_deinit(&w->levels[--w->depth]);
	buf_deinit(&w->path);
	free(w->after);
	free(w);
}

static int by_name(const void *a, const void *b)
{
	return span_cmp(*(const struct mg_span *)a, *(const struct mg_span *)b);
}

/* What an artifact may lie in or be. A plain file between the folders is none of ours. */
static bool is_wanted(const struct artifactwalk *w, const struct dirent *e)
{
	const struct mg_span name = span_of(e->d_name);
	const bool in_versions = span_has_suffix(buf_span(&w->path), SPAN("/@v"));
	if (name.p[0] == '.') return false;
	if (span_eq(name, SPAN("@v"))) return true;
	if (!in_versions) return name.p[0] != '@' && e->d_type != DT_REG;
	return span_has_suffix(name, SPAN(".info")) || span_has_suffix(name, SPAN(".mod")) ||
	       span_has_suffix(name, SPAN(".zip"));
}

/* Takes fd over. */
static int read_names(const struct artifactwalk *w, int fd, struct level *out)
{
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		const int errnum = errno;
		close(fd);
		return errnum;
	}
	struct dirent *e;
	while ((errno = 0, e = readdir(d)) != NULL) {
		if (!is_wanted(w, e)) continue;
		if (out->n == out->cap) {
			out->cap = out->cap == 0 ? 64 : 2 * out->cap;
			out->names = check_realloc(out->names, out->cap * sizeof *out->names);
		}
		out->names[out->n++] = arena_dup(&out->arena, span_of(e->d_name));
	}
	const int errnum = errno;
	closedir(d);
	if (out->n > 0) qsort(out->names, out->n, sizeof *out->names, by_name);
	return errnum;
}

static void forget_after(struct artifactwalk *w)
{
	free(w->after);
	w->after = NULL;
}

/* The first name that is not behind us. What is left to pass over counts only below that very name. */
static void pass_over(struct artifactwalk *w, struct level *l)
{
	if (w->after == NULL) return;
	struct mg_span rest = span_of(w->after);
	const struct mg_span first = span_cut(&rest, '/');
	while (l->next < l->n && span_cmp(l->names[l->next], first) < 0)
		l->next++;
	const bool below = rest.p != NULL && l->next < l->n && span_eq(l->names[l->next], first);
	/* The last one itself was visited. */
	if (rest.p == NULL && l->next < l->n && span_eq(l->names[l->next], first)) l->next++;
	char *left = below ? check_strndup(rest.p, rest.n) : NULL;
	free(w->after);
	w->after = left;
}

/* Goes down into the folder at w->path. */
static bool enter(struct artifactwalk *w, struct mg_err *err)
{
	struct level *l = &w->levels[w->depth];
	int errnum = ENAMETOOLONG;
	if (w->depth < DEPTH_MAX) {
		*l = (struct level){ .arena = ARENA_INIT, .path_n = w->path.n };
		const int fd = beneath_open(&w->store->tree, buf_cstr(&w->path),
					    O_RDONLY | O_DIRECTORY, true);
		errnum = fd < 0 ? -fd : read_names(w, fd, l);
		/* What was read of it is visited all the same. */
		w->depth += fd >= 0;
		if (fd >= 0) pass_over(w, l);
		if (fd < 0) forget_after(w);
	}
	if (errnum == 0 || errnum == ENOENT) return true;
	err_errno(err, errnum, "store: cannot read the folder %s", w->path.p);
	err->code = errnum == ELOOP || errnum == ENOTDIR ? MG_CORRUPT : MG_UNAVAILABLE;
	return false;
}

enum artifactwalk_result artifactwalk_next(struct artifactwalk *w, struct arena *a,
					   struct mg_buf *key, struct target *out,
					   struct mg_err *err)
{
	struct mg_err none;
	buf_clear(key);
	if (!w->begun) {
		w->begun = true;
		buf_append_str(&w->path, "modules");
		struct mg_span rest = span_of(w->after);
		/* Below the root, as the keys are. */
		if (w->after != NULL) {
			const bool ours =
				span_eq(span_cut(&rest, '/'), SPAN("modules")) && rest.p != NULL;
			char *left = ours ? check_strndup(rest.p, rest.n) : NULL;
			free(w->after);
			w->after = left;
		}
		if (!enter(w, err)) goto fault;
	}
	while (w->depth > 0) {
		struct level *l = &w->levels[w->depth - 1];
		w->path.n = l->path_n;
		if (l->next == l->n) {
			level_deinit(l);
			w->depth--;
			continue;
		}
		const struct mg_span name = l->names[l->next++];
		const bool folder = !span_has_suffix(buf_span(&w->path), SPAN("/@v"));
		buf_append_char(&w->path, '/');
		buf_append(&w->path, name);
		if (folder) {
			if (!enter(w, err)) goto fault;
			continue;
		}
		/* "modules/x/@v/v1.0.0.zip": the URL path of the same name, but for a '%'. */
		if (span_index(buf_span(&w->path), '%') >= 0) continue;
		const struct mg_span url = span_from(buf_span(&w->path), strlen("modules"));
		if (target_parse(url, a, out, &none) != MG_OK || target_is_mutable(out->kind))
			continue;
		buf_append(key, buf_span(&w->path));
		return ARTIFACTWALK_FOUND;
	}
	return ARTIFACTWALK_END;
fault:
	buf_append(key, buf_span(&w->path));
	return ARTIFACTWALK_FAULT;
}
