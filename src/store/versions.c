/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of a module that are stored (store.h). */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "gomod/modpath.h"
#include "gomod/pseudo.h"
#include "gomod/verlist.h"
#include "gomod/version.h"
#include "store/store_internal.h"

#define VERSION_MAX 1024u

/* "v1.2.3.zip"; other kinds, "list", records and pseudo-versions are passed over. */
static bool version_of(struct mg_span name, struct mg_buf *out)
{
	if (!span_has_suffix(name, SPAN(".zip"))) return false;
	buf_clear(out);
	return modpath_unescape_rev(span_first(name, name.n - strlen(".zip")), out, NULL) ==
		       MG_OK &&
	       version_is_canonical(buf_span(out)) && !pseudo_is(buf_span(out));
}

/* Is there a file of that name with another ending than its ".zip"? */
static bool has_other(int folder, struct mg_span name, const char *ending, struct mg_buf *scratch)
{
	struct stat st;
	buf_clear(scratch);
	buf_append(scratch, span_first(name, name.n - strlen(".zip")));
	buf_append_str(scratch, ending);
	return fstatat(folder, buf_cstr(scratch), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Takes fd over. */
static int read_folder(int fd, struct arena *a, struct verlist *list)
{
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		const int errnum = errno;
		close(fd);
		return -errnum;
	}
	struct mg_buf version = BUF_MAX(VERSION_MAX), scratch = BUF_MAX(VERSION_MAX);
	struct dirent *e;
	while ((errno = 0, e = readdir(d)) != NULL) {
		const struct mg_span name = span_of(e->d_name);
		if (version_of(name, &version) && has_other(fd, name, ".info", &scratch) &&
		    has_other(fd, name, ".mod", &scratch))
			verlist_add(list, buf_span(&version), a);
	}
	const int errnum = errno;
	closedir(d);
	buf_deinit(&version);
	buf_deinit(&scratch);
	return -errnum;
}

enum mg_code store_versions(struct store *s, struct mg_span epath, struct mg_buf *out,
			    struct mg_err *err)
{
	struct mg_buf path = BUF_MAX(epath.n + 16);
	struct arena a = ARENA_INIT;
	struct verlist list = VERLIST_INIT;
	enum mg_code rc = MG_OK;
	buf_printf(&path, "modules/%.*s/@v", SPAN_ARG(epath));
	const int fd = beneath_open(&s->tree, buf_cstr(&path), O_RDONLY | O_DIRECTORY, true);
	const int errnum = fd < 0 ? -fd : -read_folder(fd, &a, &list);
	if (errnum == 0) {
		verlist_sort(&list);
		verlist_print(&list, out);
	} else if (errnum == ENOENT || errnum == ENAMETOOLONG) {
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE,
			     "store: nothing of %.*s is stored", SPAN_ARG(epath));
	} else {
		rc = store_fail(s, err, errnum, "cannot list", path.p);
	}
	arena_deinit(&a);
	buf_deinit(&path);
	return rc;
}
