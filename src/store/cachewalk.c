/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cachewalk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "gomod/modpath.h"
#include "gomod/version.h"
#include "store/store_internal.h"

#define DEPTH_MAX   64
#define FOLDERS_MAX 100000 /* seen without finding anything: this is some other tree */
#define PATH_BYTES  8192

static const char *const ends[PROVENANCE_KINDS] = { ".info", ".mod", ".zip" };

static void refuse(struct cachewalk *w, const char *name, const char *why)
{
	if (w->refused_n == CACHEWALK_REFUSED_MAX) return;
	if (w->refused == NULL)
		w->refused = check_calloc(CACHEWALK_REFUSED_MAX, sizeof *w->refused);
	w->refused[w->refused_n++] =
		(struct cachewalk_refusal){ arena_strdup(&w->arena, span_of(name)),
					    arena_strdup(&w->arena, span_of(why)) };
}

static struct cachewalk_version *add(struct cachewalk *w, enum cachewalk_layout layout,
				     struct mg_span path, struct mg_span version,
				     const char *folder)
{
	if (w->n == w->cap) {
		w->cap = w->cap == 0 ? 256 : 2 * w->cap;
		w->versions = check_realloc(w->versions, w->cap * sizeof *w->versions);
	}
	struct cachewalk_version *v = &w->versions[w->n++];
	*v = (struct cachewalk_version){
		.path = path, .version = version, .folder = folder, .layout = layout
	};
	return v;
}

/* The names in one folder, sorted. */
struct names {
	struct arena arena;
	char **name;
	size_t n, cap;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes fd over. */
static int names_read(int fd, struct names *out)
{
	*out = (struct names){ .arena = ARENA_INIT };
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		const int errnum = errno;
		close(fd);
		return -errnum;
	}
	struct dirent *e;
	while ((errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
		if (out->n == out->cap) {
			out->cap = out->cap == 0 ? 64 : 2 * out->cap;
			out->name = check_realloc(out->name, out->cap * sizeof *out->name);
		}
		out->name[out->n++] = arena_strdup(&out->arena, span_of(e->d_name));
	}
	const int errnum = errno;
	closedir(d);
	if (out->n > 0) qsort(out->name, out->n, sizeof *out->name, by_name);
	return -errnum;
}

static void names_deinit(struct names *n)
{
	free(n->name);
	arena_deinit(&n->arena);
}

static bool names_have(const struct names *n, const char *name)
{
	return n->n > 0 && bsearch(&name, n->name, n->n, sizeof *n->name, by_name) != NULL;
}

/* Unescapes into the arena; false when it is not what an escape makes. */
static bool unescape(struct cachewalk *w, struct mg_span escaped, struct mg_span *out,
		     enum mg_code (*fn)(struct mg_span, struct mg_buf *, struct mg_err *))
{
	struct mg_buf b = BUF_MAX(2 * escaped.n + 1);
	const bool good = fn(escaped, &b, NULL) == MG_OK;
	if (good) *out = arena_dup(&w->arena, buf_span(&b));
	buf_deinit(&b);
	return good;
}

/* An "@v" folder of a module cache. Names: those in it. */
static void take_module(struct cachewalk *w, const char *at_v, const struct names *names)
{
	struct mg_span path;
	const struct mg_span module = span_first(span_of(at_v), strlen(at_v) - strlen("/@v"));
	if (!unescape(w, module, &path, modpath_unescape)) {
		refuse(w, at_v, "the folder is not named like a module path");
		return;
	}
	const char *folder = arena_strdup(&w->arena, span_of(at_v));
	const size_t first = w->n;
	for (size_t i = 0; i < names->n; i++) {
		const struct mg_span name = span_of(names->name[i]);
		for (int kind = 0; kind < PROVENANCE_KINDS; kind++) {
			struct mg_span version;
			const struct mg_span end = span_of(ends[kind]);
			if (!span_has_suffix(name, end)) continue;
			/* "master.info" and the like: answers of a moment, not versions. */
			if (!unescape(w, span_first(name, name.n - end.n), &version,
				      modpath_unescape_rev) ||
			    modpath_check_version(path, version, NULL) != MG_OK)
				continue;
			struct cachewalk_version *v = NULL;
			for (size_t k = w->n; k > first && v == NULL; k--)
				if (span_eq(w->versions[k - 1].version, version))
					v = &w->versions[k - 1];
			if (v == NULL) v = add(w, CACHEWALK_MODCACHE, path, version, folder);
			v->has[kind] = true;
		}
	}
}

/* A version folder of an Athens store; folder is MODULE/VERSION. */
static void take_athens(struct cachewalk *w, const char *folder, const struct names *names)
{
	const struct mg_span whole = arena_dup(&w->arena, span_of(folder));
	const ptrdiff_t slash = span_last_index(whole, '/');
	const struct mg_span path = span_first(whole, (size_t)slash);
	const struct mg_span version = span_from(whole, (size_t)slash + 1);
	struct mg_err err;
	if (modpath_check_version(path, version, &err) != MG_OK) {
		refuse(w, folder, err.text);
		return;
	}
	char info[NAME_MAX + 8];
	snprintf(info, sizeof info, "%.*s.info", SPAN_ARG(version));
	struct cachewalk_version *v = add(w, CACHEWALK_ATHENS, path, version, whole.p);
	v->has[PROVENANCE_INFO] = names_have(names, info);
	v->has[PROVENANCE_MOD] = names_have(names, "go.mod");
	v->has[PROVENANCE_ZIP] = names_have(names, "source.zip");
}

static bool is_athens(const char *folder, const struct names *names)
{
	const char *slash = strrchr(folder, '/');
	return slash != NULL && version_is_canonical(span_of(slash + 1)) &&
	       (names_have(names, "source.zip") || names_have(names, "go.mod"));
}

static enum mg_code walk(struct cachewalk *w, char *folder, unsigned depth, bool own,
			 struct mg_err *err);

/* name, found in folder (of n bytes): goes down if it is a folder. */
static enum mg_code visit(struct cachewalk *w, char *folder, size_t n, const char *name,
			  unsigned depth, struct mg_err *err)
{
	struct stat st;
	const int more = snprintf(folder + n, PATH_BYTES - n, "%s%s", n > 0 ? "/" : "", name);
	if (more < 0 || (size_t)more >= PATH_BYTES - n)
		return MG_OK; /* no module path is so long */
	if (fstatat(w->root, folder, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? MG_OK : err_errno(err, errno, "cannot stat %s", folder);
	if (S_ISLNK(st.st_mode))
		refuse(w, folder, "symbolic links are not followed");
	else if (S_ISDIR(st.st_mode))
		return walk(w, folder, depth + 1, false, err);
	return MG_OK;
}

static enum mg_code walk(struct cachewalk *w, char *folder, unsigned depth, bool own,
			 struct mg_err *err)
{
	const size_t n = strlen(folder);
	struct names names;
	if (depth > DEPTH_MAX) {
		refuse(w, folder, "folders lie too deep");
		return MG_OK;
	}
	if (++w->folders_seen > FOLDERS_MAX && w->n == 0) return MG_OK;
	const int fd = openat(w->root, n > 0 ? folder : ".",
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const int read = fd < 0 ? -errno : names_read(fd, &names);
	if (fd < 0) return err_errno(err, -read, "cannot open %s", folder);
	enum mg_code rc = read == 0 ? MG_OK : err_errno(err, -read, "cannot read %s", folder);
	if (rc != MG_OK) {
		/* nothing more to do here */
	} else if (n > 3 && strcmp(folder + n - 3, "/@v") == 0) {
		take_module(w, folder, &names);
	} else if (n > 0 && is_athens(folder, &names)) {
		take_athens(w, folder, &names);
	} else {
		for (size_t i = 0; i < names.n && rc == MG_OK; i++) {
			/* The module cache's copy of the checksum database, and ourselves. */
			if (n == 0 && (strcmp(names.name[i], "sumdb") == 0 ||
				       (own && store_has_folder(names.name[i]))))
				continue;
			rc = visit(w, folder, n, names.name[i], depth, err);
			folder[n] = '\0';
		}
	}
	names_deinit(&names);
	return rc;
}

static int by_version(const void *a, const void *b)
{
	const struct cachewalk_version *x = a, *y = b;
	const int order = span_cmp(x->path, y->path);
	return order != 0 ? order : span_cmp(x->version, y->version);
}

enum mg_code cachewalk_run(struct cachewalk *w, const char *dir, uint64_t skip_inode,
			   struct mg_err *err)
{
	w->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->root < 0) return err_errno(err, errno, "cannot open %s", dir);
	const int download = openat(w->root, "cache/download", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (download >= 0) {
		close(w->root);
		w->root = download;
	}
	struct stat st;
	if (fstat(w->root, &st) != 0) return err_errno(err, errno, "cannot stat %s", dir);
	const bool own = skip_inode != 0 && st.st_ino == skip_inode;
	char *folder = check_calloc(1, PATH_BYTES);
	const enum mg_code rc = walk(w, folder, 0, own, err);
	free(folder);
	if (rc != MG_OK) {
		err_wrap(err, "%s", dir);
		err->code = MG_UNAVAILABLE; /* a folder that went away proves nothing */
		return MG_UNAVAILABLE;
	}
	if (w->n == 0)
		return err_set(
			err, MG_INVALID, MG_CAUSE_NONE,
			"%s is neither a Go module cache (no module has an @v folder here or in "
			"cache/download) nor an Athens disk store (no MODULE/VERSION/source.zip)",
			dir);
	qsort(w->versions, w->n, sizeof *w->versions, by_version);
	return MG_OK;
}

void cachewalk_deinit(struct cachewalk *w)
{
	if (w->root >= 0) close(w->root);
	w->root = -1;
	free(w->versions);
	free(w->refused);
	w->versions = NULL;
	w->refused = NULL;
	arena_deinit(&w->arena);
}

void cachewalk_file(const struct cachewalk_version *v, enum provenance_kind kind,
		    struct mg_buf *out)
{
	if (v->layout == CACHEWALK_ATHENS && kind != PROVENANCE_INFO) {
		buf_printf(out, "%s/%s", v->folder,
			   kind == PROVENANCE_MOD ? "go.mod" : "source.zip");
		return;
	}
	struct mg_buf name = BUF_MAX(2 * v->version.n + 1);
	if (v->layout == CACHEWALK_ATHENS)
		buf_append(&name, v->version);
	else
		MG_ASSERT(modpath_escape_rev(v->version, &name, NULL) == MG_OK);
	buf_printf(out, "%s/%.*s%s", v->folder, SPAN_ARG(buf_span(&name)), ends[kind]);
	buf_deinit(&name);
}
