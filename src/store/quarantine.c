/* SPDX-License-Identifier: Apache-2.0 */
/* What damages the store is set aside as evidence, within bounds (store.h). */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/random.h"
#include "record/metrics.h"
#include "store/store_internal.h"

#define NAME_SIZE 64

/* Cuts path after its first part that is not a folder, if there is one. */
static void cut_at_obstacle(struct store *s, char *path)
{
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		struct stat st;
		*slash = '\0';
		const bool obstacle = fstatat(s->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				      !S_ISDIR(st.st_mode);
		if (obstacle) return;
		*slash = '/';
	}
}

static void write_note(struct store *s, int folder, const char *name, const char *key,
		       const char *why)
{
	char note[PATH_MAX + MG_ERR_TEXT + 64];
	char when[21];
	clock_rfc3339(clock_wall_s(), when);
	const int n = snprintf(note, sizeof note, "%s\n%s\n%s\n", when, key, why);
	const int fd = io_create(&s->io, folder, name);
	int rc = fd < 0 ? fd : 0;
	if (rc == 0) {
		const size_t len = (size_t)n < sizeof note ? (size_t)n : sizeof note - 1;
		rc = io_write(&s->io, fd, span_make(note, len), 0);
		close(fd);
	}
	/* The evidence itself is there; a full disk must not stop the healing. */
	if (rc != 0) log_warn("store: no note of what is quarantined", LOG_I("errno", -rc));
}

/* A link, pipe or device goes if it cannot be moved: the sandbox lets nobody make such things. */
static int put_away(struct store *s, int from, const char *name, int to, const char *to_name)
{
	struct stat st;
	const int rc = io_rename(&s->io, from, name, to, to_name);
	if (rc != -EACCES || fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return rc;
	return io_unlink(&s->io, from, name);
}

/* --- bounds --- */

struct piece {
	const char *name; /* begins with the time it came here */
	uint64_t size;
};

struct pieces {
	struct arena arena;
	struct piece *v;
	size_t n, cap;
	uint64_t bytes;
};

static int by_age(const void *a, const void *b)
{
	return strcmp(((const struct piece *)a)->name, ((const struct piece *)b)->name);
}

/* The files set aside, without their notes. A folder that stood in a file's place is left to people. */
static void list_pieces(int folder, struct pieces *out)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		if (fd >= 0) close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct stat st;
		const struct mg_span name = span_of(e->d_name);
		if (span_has_suffix(name, SPAN(".why")) ||
		    fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    S_ISDIR(st.st_mode))
			continue;
		if (out->n == out->cap) {
			out->cap = out->cap == 0 ? 64 : 2 * out->cap;
			out->v = check_realloc(out->v, out->cap * sizeof *out->v);
		}
		out->v[out->n++] =
			(struct piece){ arena_strdup(&out->arena, name), (uint64_t)st.st_size };
		out->bytes += (uint64_t)st.st_size;
	}
	closedir(d);
}

/* The oldest go; the newest stays, however large it is. */
static void trim(struct store *s, int folder)
{
	struct pieces p = { .arena = ARENA_INIT };
	list_pieces(folder, &p);
	if (p.n > 1) qsort(p.v, p.n, sizeof *p.v, by_age);
	for (size_t i = 0; i + 1 < p.n; i++) {
		if (p.n - i <= QUARANTINE_FILES && p.bytes <= QUARANTINE_BYTES) break;
		char note[NAME_MAX + 8];
		snprintf(note, sizeof note, "%s.why", p.v[i].name);
		(void)io_unlink(&s->io, folder, note);
		const int rc = io_unlink(&s->io, folder, p.v[i].name);
		if (rc != 0 && rc != -ENOENT)
			log_warn("store: cannot remove from quarantine", LOG_S("name", p.v[i].name),
				 LOG_I("errno", -rc));
		p.bytes -= p.v[i].size;
	}
	free(p.v);
	arena_deinit(&p.arena);
}

/* --- setting aside --- */

/* The folder, or a negative errno; and a new name in it. */
static int open_quarantine(struct store *s, char name[NAME_SIZE])
{
	uint32_t salt;
	char key[NAME_SIZE + 16];
	const char *ignored;
	random_bytes(&salt, sizeof salt);
	snprintf(name, NAME_SIZE, "%" PRId64 "-%08" PRIx32, clock_wall_s(), salt);
	snprintf(key, sizeof key, "quarantine/%s", name);
	return folder_make(s, key, &ignored);
}

void store_note_refused(struct store *s, const char *key, const char *why)
{
	MG_ASSERT(s->mode == STORE_WRITE);
	char name[NAME_SIZE];
	const int folder = open_quarantine(s, name);
	if (folder < 0) {
		log_warn("store: cannot open the quarantine", LOG_I("errno", -folder));
		return;
	}
	write_note(s, folder, name, key, why);
	trim(s, folder);
	close(folder);
}

enum mg_code store_quarantine(struct store *s, const char *key, const char *why, struct mg_err *err)
{
	MG_ASSERT(s->mode == STORE_WRITE);
	char path[PATH_MAX];
	const int n = snprintf(path, sizeof path, "%s", key);
	if (n < 0 || (size_t)n >= sizeof path) return MG_OK; /* cannot stand there */
	cut_at_obstacle(s, path);
	const char *from_name;
	const int from = folder_open(s, path, &from_name);
	if (from == -ENOENT) return MG_OK;
	if (from < 0) return store_fail(s, err, -from, "cannot open the folder of", path);

	char to_name[NAME_SIZE];
	const int to = open_quarantine(s, to_name);
	int rc = to < 0 ? to : put_away(s, from, from_name, to, to_name);
	if (rc == 0) {
		metrics_add(METRICS_DAMAGED, 1);
		char note_name[NAME_SIZE + 8];
		snprintf(note_name, sizeof note_name, "%s.why", to_name);
		write_note(s, to, note_name, path, why);
		rc = io_fsync_folder(&s->io, from);
		log_warn("store: quarantined", LOG_S("key", path), LOG_S("why", why),
			 LOG_S("as", to_name));
		trim(s, to);
	}
	if (to >= 0) close(to);
	close(from);
	if (rc == 0 || rc == -ENOENT) return MG_OK;
	return store_fail(s, err, -rc, "cannot quarantine", path);
}
