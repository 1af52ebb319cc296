/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/mirrorfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

#define DEPTH_MAX 64 /* of folders; a ref's name may have parts */

#define ASIDE ".aside" /* what is being made, or removed, has this in its name */

/* What the go command sets, and part of every hash (protocol §3.10). */
#define ATTRIBUTES "\n* -export-subst -export-ignore\n"

/* ---- walking ---- */

struct walk {
	/* Of each file and, after its content, of each folder below. */
	void (*visit)(void *arg, int folder, const char *name, bool is_folder);
	void *arg;
};

static void walk_below(int fd, const struct walk *w, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
		int below = depth < DEPTH_MAX
				    ? openat(dirfd(d), e->d_name,
					     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				    : -1;
		if (below >= 0) walk_below(below, w, depth + 1);
		w->visit(w->arg, dirfd(d), e->d_name, below >= 0);
	}
	closedir(d);
}

static void walk(const char *path, const struct walk *w)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) walk_below(fd, w, 0);
}

static void remove_one(void *arg, int folder, const char *name, bool is_folder)
{
	unlinkat(folder, name, is_folder ? AT_REMOVEDIR : 0);
}

static void remove_tree(const char *path)
{
	walk(path, &(struct walk){ .visit = remove_one });
	rmdir(path);
}

static void clean_locks(void *arg, int folder, const char *name, bool is_folder)
{
	if (!is_folder && span_has_suffix(span_of(name), SPAN(".lock"))) unlinkat(folder, name, 0);
}

static void clean_objects(void *arg, int folder, const char *name, bool is_folder)
{
	struct mg_span n = span_of(name);

	if (is_folder && span_has_prefix(n, SPAN("tmp_objdir-"))) {
		/* Quarantined objects of a fetch that never came to its end. */
		int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0) walk_below(fd, &(struct walk){ .visit = remove_one }, 0);
		unlinkat(folder, name, AT_REMOVEDIR);
	} else if (!is_folder &&
		   (span_has_prefix(n, SPAN("tmp_")) || span_has_prefix(n, SPAN(".tmp-")))) {
		unlinkat(folder, name, 0);
	}
}

/* A branch may be called "tmp_x", but none "x.lock" (git-check-ref-format(1)). */
void mirrorfolder_clean(const char *path)
{
	char objects[PATH_MAX];
	int n = snprintf(objects, sizeof objects, "%s/objects", path);

	walk(path, &(struct walk){ .visit = clean_locks });
	if (n > 0 && n < PATH_MAX) walk(objects, &(struct walk){ .visit = clean_objects });
}

struct measure {
	uint64_t bytes;
	size_t packs;
};

static void measure_one(void *arg, int folder, const char *name, bool is_folder)
{
	struct measure *m = arg;
	struct stat st;

	if (is_folder || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return;
	m->bytes += (uint64_t)st.st_blocks * 512;
	if (span_has_suffix(span_of(name), SPAN(".pack"))) m->packs++;
}

void mirrorfolder_measure(const char *path, uint64_t *bytes, size_t *packs)
{
	struct measure m = { 0 };

	walk(path, &(struct walk){ .visit = measure_one, .arg = &m });
	*bytes = m.bytes;
	*packs = m.packs;
}

/* ---- making and removing ---- */

/* A name beside path that nobody has. */
static bool name_aside(const char *path, char out[PATH_MAX])
{
	static atomic_uint count;
	int n = snprintf(out, PATH_MAX, "%s" ASIDE "%u", path, atomic_fetch_add(&count, 1));

	return n > 0 && n < PATH_MAX;
}

static bool write_file(int folder, const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t n = strlen(text);

	if (fd < 0) return false;
	bool ok = write(fd, text, n) == (ssize_t)n;
	return close(fd) == 0 && ok;
}

static bool fill(int folder, size_t hash_n, const char *url)
{
	static const char *const folders[] = { "objects",    "objects/pack", "objects/info", "refs",
					       "refs/heads", "refs/tags",    "info" };
	char config[256];

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (mkdirat(folder, folders[i], 0700) != 0) return false;
	snprintf(config, sizeof config,
		 "[core]\n\trepositoryformatversion = %d\n\tfilemode = true\n\tbare = true\n%s",
		 hash_n == 64 ? 1 : 0,
		 hash_n == 64 ? "[extensions]\n\tobjectformat = sha256\n" : "");
	return write_file(folder, "config", config) &&
	       write_file(folder, "info/attributes", ATTRIBUTES) &&
	       write_file(folder, "description", url) &&
	       write_file(folder, hash_n == 64 ? "sha256" : "sha1", "") &&
	       write_file(folder, "HEAD", "ref: refs/heads/none\n");
}

enum mg_code mirrorfolder_make(const char *path, size_t hash_n, const char *url, struct mg_err *err)
{
	char making[PATH_MAX];
	int fd = -1, why = 0;

	if (!name_aside(path, making)) return err_errno(err, ENAMETOOLONG, "a mirror's folder");
	mirrorfolder_remove(path);
	if (mkdir(making, 0700) != 0 ||
	    (fd = open(making, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || !fill(fd, hash_n, url) ||
	    rename(making, path) != 0)
		why = errno;
	if (fd >= 0) close(fd);
	if (why == 0) return MG_OK;
	remove_tree(making);
	err_errno(err, why, "%s cannot be made", path);
	if (err != NULL) err->code = MG_UNAVAILABLE;
	return MG_UNAVAILABLE;
}

static bool has(const char *path, const char *name)
{
	char full[PATH_MAX];
	int n = snprintf(full, sizeof full, "%s/%s", path, name);

	return n > 0 && n < PATH_MAX && access(full, F_OK) == 0;
}

/* Without them, or with others, git packs other files and nobody notices; they may be lost with the power. */
static bool has_attributes(const char *path)
{
	char full[PATH_MAX], text[sizeof ATTRIBUTES];
	int n = snprintf(full, sizeof full, "%s/info/attributes", path);
	int fd = n > 0 && n < PATH_MAX ? open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;

	if (fd < 0) return false;
	ssize_t got = read(fd, text, sizeof text);
	close(fd);
	return got == sizeof ATTRIBUTES - 1 && memcmp(text, ATTRIBUTES, sizeof ATTRIBUTES - 1) == 0;
}

bool mirrorfolder_fits(const char *path, size_t hash_n)
{
	return has(path, hash_n == 64 ? "sha256" : "sha1") && has_attributes(path);
}

bool mirrorfolder_is_shallow(const char *path)
{
	return has(path, "shallow");
}

/* ---- commits without their history ---- */

static bool is_hash(struct mg_span s)
{
	if (s.n != 40 && s.n != 64) return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("0123456789abcdef", s.p[i]) == NULL || s.p[i] == '\0') return false;
	return true;
}

static bool read_all(int fd, struct mg_buf *out)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) > 0)
		buf_append(out, span_make(piece, (size_t)n));
	return n == 0 && !buf_failed(out);
}

enum mg_code mirrorfolder_read_shallow(const char *path, struct mg_buf *out, struct mg_err *err)
{
	char name[PATH_MAX];
	const int length = snprintf(name, sizeof name, "%s/shallow", path);
	const int fd = length > 0 && length < PATH_MAX
			       ? open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
			       : -1;

	bool fine = fd >= 0 && read_all(fd, out) && out->n > 0 && out->p[out->n - 1] == '\n';
	for (struct mg_span rest = buf_span(out); fine && rest.n > 0;)
		fine = is_hash(span_cut(&rest, '\n'));
	if (fd >= 0) close(fd);
	return fine ? MG_OK
		    : err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE,
			      "which commits a mirror has cannot be told at once");
}

static enum mg_code cannot_take(struct mg_err *err, const char *path, int why)
{
	err_errno(err, why, "%s cannot take a commit", path);
	if (err != NULL) err->code = MG_UNAVAILABLE;
	return MG_UNAVAILABLE;
}

enum mg_code mirrorfolder_lock_shallow(const char *path, struct mg_span have, struct mg_span commit,
				       struct mg_err *err)
{
	struct mg_buf text = BUF_MAX(have.n + commit.n + 2);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	MG_ASSERT(is_hash(commit));
	buf_append(&text, have);
	buf_append(&text, commit);
	buf_append_char(&text, '\n');
	const bool fine = fd >= 0 && write_file(fd, "shallow.lock", buf_cstr(&text));
	const int why = errno;
	if (fd >= 0) close(fd);
	buf_deinit(&text);
	return fine ? MG_OK : cannot_take(err, path, why);
}

/* Not below refs/heads, refs/tags or refs/modgate, whose refs say what the remote has. */
static bool keep_commit(int folder, struct mg_span commit)
{
	char name[96], line[80];

	snprintf(name, sizeof name, "refs/first/%.*s", SPAN_ARG(commit));
	snprintf(line, sizeof line, "%.*s\n", SPAN_ARG(commit));
	if (mkdirat(folder, "refs/first", 0700) != 0 && errno != EEXIST) return false;
	return write_file(folder, name, line) || errno == EEXIST;
}

enum mg_code mirrorfolder_take(const char *path, struct mg_span commit, bool is_shallow,
			       struct mg_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	const bool fine = fd >= 0 &&
			  (is_shallow ? renameat(fd, "shallow.lock", fd, "shallow") == 0
				      : unlinkat(fd, "shallow.lock", 0) == 0) &&
			  keep_commit(fd, commit);
	const int why = errno;
	if (fd >= 0) close(fd);
	return fine ? MG_OK : cannot_take(err, path, why);
}

char *mirrorfolder_set_aside(const char *path)
{
	char going[PATH_MAX];

	if (!name_aside(path, going) || rename(path, going) != 0) return NULL;
	return check_strndup(going, strlen(going));
}

void mirrorfolder_delete(char *aside)
{
	if (aside == NULL) return;
	remove_tree(aside);
	free(aside);
}

void mirrorfolder_remove(const char *path)
{
	mirrorfolder_delete(mirrorfolder_set_aside(path));
}

/* ---- age ---- */

int64_t mirrorfolder_used(const char *path)
{
	char name[PATH_MAX];
	struct stat st;
	int n = snprintf(name, sizeof name, "%s/description", path);

	if (n < 0 || n >= PATH_MAX || stat(name, &st) != 0) return 0;
	return (int64_t)st.st_mtim.tv_sec;
}

void mirrorfolder_touch(const char *path)
{
	char name[PATH_MAX];
	int n = snprintf(name, sizeof name, "%s/description", path);

	if (n > 0 && n < PATH_MAX) utimensat(AT_FDCWD, name, NULL, 0);
}

enum mg_code mirrorfolder_prepare(const char *folder, struct mg_err *err)
{
	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		err_errno(err, errno, "%s cannot be made", folder);
		if (err != NULL) err->code = MG_UNAVAILABLE;
		return MG_UNAVAILABLE;
	}
	DIR *d = opendir(folder);
	if (d == NULL) {
		err_errno(err, errno, "%s cannot be read", folder);
		if (err != NULL) err->code = MG_UNAVAILABLE;
		return MG_UNAVAILABLE;
	}
	struct dirent *e;
	while ((e = readdir(d)) != NULL) {
		char path[PATH_MAX];
		int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (n > 0 && n < PATH_MAX && strstr(e->d_name, ASIDE) != NULL) remove_tree(path);
	}
	closedir(d);
	return MG_OK;
}
