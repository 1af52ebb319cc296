/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "store/store_internal.h"

void folder_init(struct folders *f)
{
	*f = (struct folders){ 0 };
	pthread_mutex_init(&f->mutex, NULL);
}

void folder_deinit(struct folders *f)
{
	pthread_mutex_destroy(&f->mutex);
}

static bool is_known(struct folders *f, struct mg_span path)
{
	const uint64_t hash = span_hash(path) | 1;
	pthread_mutex_lock(&f->mutex);
	const bool known = f->known[hash / 2 % FOLDER_KNOWN] == hash;
	pthread_mutex_unlock(&f->mutex);
	return known;
}

static void set_known(struct folders *f, struct mg_span path)
{
	const uint64_t hash = span_hash(path) | 1;
	pthread_mutex_lock(&f->mutex);
	f->known[hash / 2 % FOLDER_KNOWN] = hash;
	pthread_mutex_unlock(&f->mutex);
}

/* "a/b/c" becomes "a/b" in parent and "c". */
static int split(const char *key, char parent[PATH_MAX], const char **name_out)
{
	const char *slash = strrchr(key, '/');
	MG_ASSERT(slash != NULL && slash != key && slash[1] != '\0');
	const size_t n = (size_t)(slash - key);
	if (n >= PATH_MAX) return -ENAMETOOLONG;
	memcpy(parent, key, n);
	parent[n] = '\0';
	*name_out = slash + 1;
	return 0;
}

int folder_open(struct store *s, const char *key, const char **name_out)
{
	char parent[PATH_MAX];
	const int rc = split(key, parent, name_out);
	return rc != 0 ? rc : beneath_open(&s->tree, parent, O_RDONLY | O_DIRECTORY, true);
}

/* One step down: makes `name` in `up` where it is missing, syncs `up` unless the folder with this
 * path is known to be durable, and opens it. */
static int step(struct store *s, int up, const char *name, struct mg_span path)
{
	const int made = io_mkdir(&s->io, up, name);
	if (made != 0 && made != -EEXIST) return made;
	if (made == 0 || !is_known(&s->folders, path)) {
		const int rc = io_fsync_folder(&s->io, up);
		if (rc != 0) {
			/* A second fsync could claim success for what this one lost. */
			if (made == 0) (void)io_rmdir(&s->io, up, name);
			return rc;
		}
		set_known(&s->folders, path);
	}
	const int fd = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_all(struct store *s, char *parent)
{
	int up = s->root;
	for (size_t start = 0;;) {
		const size_t end = start + strcspn(parent + start, "/");
		const bool last = parent[end] == '\0';
		parent[end] = '\0';
		const int fd = step(s, up, parent + start, (struct mg_span){ parent, end });
		if (up != s->root) close(up);
		if (fd < 0 || last) return fd;
		up = fd;
		parent[end] = '/';
		start = end + 1;
	}
}

int folder_make(struct store *s, const char *key, const char **name_out)
{
	char parent[PATH_MAX];
	const int rc = split(key, parent, name_out);
	if (rc != 0) return rc;
	if (is_known(&s->folders, span_of(parent))) {
		const int fd = beneath_open(&s->tree, parent, O_RDONLY | O_DIRECTORY, true);
		if (fd != -ENOENT) return fd;
	}
	return make_all(s, parent);
}
