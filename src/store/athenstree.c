/* SPDX-License-Identifier: Apache-2.0 */
#include "store/athenstree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "gomod/pseudo.h"
#include "gomod/verlist.h"
#include "gomod/version.h"
#include "store/intake.h"
#include "store/store_internal.h"

#define KEY_MAX (1u << 16)

static void put_key(const struct target *t, struct mg_buf *out)
{
	buf_printf(out, "%.*s/%.*s/", SPAN_ARG(t->path), SPAN_ARG(t->version));
	switch (t->kind) {
	case TARGET_INFO:
		buf_printf(out, "%.*s.info", SPAN_ARG(t->version));
		break;
	case TARGET_MOD:
		buf_append_str(out, "go.mod");
		break;
	default:
		MG_ASSERT(t->kind == TARGET_ZIP);
		buf_append_str(out, "source.zip");
	}
}

/* Takes fd over. */
static int read_versions(int fd, struct arena *a, struct verlist *list)
{
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		const int errnum = errno;
		close(fd);
		return -errnum;
	}
	struct mg_buf zip = BUF_MAX(512);
	struct dirent *e;
	while ((errno = 0, e = readdir(d)) != NULL) {
		const struct mg_span name = span_of(e->d_name);
		struct stat st;
		if (!version_is_canonical(name) || pseudo_is(name)) continue;
		buf_clear(&zip);
		buf_printf(&zip, "%s/source.zip", e->d_name);
		if (fstatat(fd, buf_cstr(&zip), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_size > 0)
			verlist_add(list, name, a);
	}
	const int errnum = errno;
	closedir(d);
	buf_deinit(&zip);
	return -errnum;
}

enum mg_code athenstree_versions(struct store *s, struct mg_span path, struct mg_buf *out,
				 struct mg_err *err)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct arena a = ARENA_INIT;
	struct verlist list = VERLIST_INIT;
	enum mg_code rc = MG_OK;
	buf_append(&key, path);
	const int fd = beneath_open(&s->tree, buf_cstr(&key), O_RDONLY | O_DIRECTORY, true);
	const int errnum = fd < 0 ? -fd : -read_versions(fd, &a, &list);
	if (errnum == 0 && list.n > 0) {
		verlist_sort(&list);
		verlist_print(&list, out);
	} else if (errnum == 0 || errnum == ENOENT || errnum == ENAMETOOLONG || errnum == ENOTDIR) {
		rc = err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE,
			     "no version of %.*s in the Athens store", SPAN_ARG(path));
	} else {
		rc = store_fail(s, err, errnum, "cannot list", key.p);
	}
	buf_deinit(&key);
	arena_deinit(&a);
	return rc;
}

enum mg_code athenstree_adopt(struct store *s, const struct target *t, struct mg_err *err)
{
	struct mg_err local;
	if (err == NULL) err = &local;
	struct mg_buf key = BUF_MAX(KEY_MAX);
	enum mg_code rc = MG_OK;
	put_key(t, &key);
	switch (intake_path(s, t, s->root, buf_cstr(&key), "athens", SPAN(""), err)) {
	case INTAKE_ADDED:
	case INTAKE_SAME:
	case INTAKE_CONFLICT: /* the first bytes win */
		break;
	case INTAKE_REFUSED:
	case INTAKE_FAULT:
		rc = err_wrap(err, "%s", key.p);
	}
	buf_deinit(&key);
	return rc;
}
