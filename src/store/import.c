/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "gomod/dirhash.h"
#include "gomod/pseudo.h"
#include "gomod/verlist.h"
#include "store/intake.h"
#include "store/store_internal.h"

#define THREADS     8
#define THREADS_MAX 64
#define LIST_MAX    (16u << 20)
#define PATH_BYTES  (1u << 16)

struct import {
	struct store *store;
	const struct import_options *options;
	struct cachewalk walk;
	struct import_summary *sum;
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t mutex; /* the rest, and the callbacks */
	uint64_t done;
	struct mg_err err; /* the first fault */
};

static void report(struct import *i, enum import_trouble what, const char *file, const char *why)
{
	pthread_mutex_lock(&i->mutex);
	if (what == IMPORT_REFUSED)
		i->sum->refused++;
	else
		i->sum->conflicts++;
	if (i->options->on_trouble != NULL)
		i->options->on_trouble(i->options->arg, what, file, why);
	pthread_mutex_unlock(&i->mutex);
}

static void fail(struct import *i, const char *file, struct mg_err *err)
{
	pthread_mutex_lock(&i->mutex);
	if (!i->stop) {
		i->err = *err;
		err_wrap(&i->err, "%s", file);
	}
	i->stop = true;
	pthread_mutex_unlock(&i->mutex);
}

/* "h1:…" from the .ziphash that the go command keeps beside a zip. Empty: there is none. */
static struct mg_span read_ziphash(struct import *i, const struct cachewalk_version *v,
				   char out[DIRHASH_SIZE + 8])
{
	struct mg_buf name = BUF_MAX(PATH_BYTES);
	struct mg_span h1 = SPAN("");
	if (v->layout == CACHEWALK_MODCACHE) {
		cachewalk_file(v, PROVENANCE_ZIP, &name);
		buf_append_str(&name, "hash");
		const int fd = openat(i->walk.root, buf_cstr(&name),
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		const ssize_t n = fd < 0 ? 0 : read(fd, out, DIRHASH_SIZE + 7);
		if (fd >= 0) close(fd);
		if (n > 0) h1 = span_trim(span_make(out, (size_t)n));
	}
	buf_deinit(&name);
	return h1;
}

static void take(struct import *i, const struct cachewalk_version *v, enum provenance_kind kind)
{
	static const enum target_kind kinds[PROVENANCE_KINDS] = { TARGET_INFO, TARGET_MOD,
								  TARGET_ZIP };
	struct arena a = ARENA_INIT;
	struct mg_buf file = BUF_MAX(PATH_BYTES);
	struct target t;
	struct mg_err err;
	struct stat st;
	char hash[DIRHASH_SIZE + 8];
	cachewalk_file(v, kind, &file);
	const char *name = buf_cstr(&file);
	const enum mg_code rc = target_make(kinds[kind], v->path, v->version, &a, &t, &err);
	MG_ASSERT(rc == MG_OK); /* the walk checked both */
	const struct mg_span h1 = kind == PROVENANCE_ZIP ? read_ziphash(i, v, hash) : SPAN("");
	const char *origin = v->layout == CACHEWALK_ATHENS ? "athens" : "import";
	switch (intake_path(i->store, &t, i->walk.root, name, origin, h1, &err)) {
	case INTAKE_ADDED:
		pthread_mutex_lock(&i->mutex);
		i->sum->added++;
		if (fstatat(i->walk.root, name, &st, 0) == 0) i->sum->bytes += (uint64_t)st.st_size;
		pthread_mutex_unlock(&i->mutex);
		break;
	case INTAKE_SAME:
		pthread_mutex_lock(&i->mutex);
		i->sum->same++;
		pthread_mutex_unlock(&i->mutex);
		break;
	case INTAKE_CONFLICT:
		report(i, IMPORT_CONFLICT, name, err.text);
		break;
	case INTAKE_REFUSED:
		report(i, IMPORT_REFUSED, name, err.text);
		break;
	case INTAKE_FAULT:
		fail(i, name, &err);
	}
	buf_deinit(&file);
	arena_deinit(&a);
}

/* One version at a time and thread, because its artifacts share a record. */
static void *work(void *arg)
{
	struct import *i = arg;
	size_t at;
	while (!i->stop && (at = atomic_fetch_add(&i->next, 1)) < i->walk.n) {
		const struct cachewalk_version *v = &i->walk.versions[at];
		for (int kind = 0; kind < PROVENANCE_KINDS && !i->stop; kind++)
			if (v->has[kind]) take(i, v, (enum provenance_kind)kind);
		pthread_mutex_lock(&i->mutex);
		i->done++;
		if (i->options->on_progress != NULL)
			i->options->on_progress(i->options->arg, i->done, i->walk.n, i->sum->bytes);
		pthread_mutex_unlock(&i->mutex);
	}
	return NULL;
}

static void work_all(struct import *i)
{
	pthread_t threads[THREADS_MAX];
	unsigned want = i->options->threads != 0 ? i->options->threads : THREADS;
	if (want > THREADS_MAX) want = THREADS_MAX;
	unsigned n = 0;
	while (n + 1 < want && pthread_create(&threads[n], NULL, work, i) == 0)
		n++;
	work(i);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

/* Names in @v/list what is stored, beside what it named before. A new list bears a time long past: what
 * a cache happens to hold is not what the origin would answer now, so it is stale from its birth. */
static enum mg_code write_list(struct import *i, struct mg_span path, struct mg_err *err)
{
	struct arena a = ARENA_INIT;
	struct target t;
	struct verlist list = VERLIST_INIT;
	struct mg_buf key = BUF_MAX(PATH_BYTES), old = BUF_MAX(LIST_MAX), now = BUF_MAX(LIST_MAX);
	struct store_file before = { .mtime_ns = INT64_C(1000000000) };
	struct stage *st = NULL;
	enum mg_code rc = target_make(TARGET_LIST, path, SPAN(""), &a, &t, err);
	if (rc != MG_OK) goto out;
	store_key(&t, &key);
	rc = store_versions(i->store, t.epath, &now, err);
	if (rc == MG_NOT_FOUND) rc = MG_OK;
	if (rc == MG_OK) rc = verlist_parse(buf_span(&now), path, &a, &list, err);
	if (rc != MG_OK) goto out;
	const enum store_find found =
		store_read(i->store, buf_cstr(&key), true, &old, &before, err);
	if (found == STORE_FAULT) {
		rc = err->code;
		goto out;
	}
	/* An old list that is no list is written anew. */
	if (found == STORE_HIT)
		(void)(verlist_parse(buf_span(&old), path, &a, &list, NULL) == MG_OK);
	verlist_sort(&list);
	buf_clear(&now);
	verlist_print(&list, &now);
	if (list.n == 0 || (found == STORE_HIT && span_eq(buf_span(&now), buf_span(&old))))
		goto out;
	if ((rc = stage_new(i->store, &st, err)) != MG_OK) goto out;
	if ((rc = stage_write(st, buf_span(&now), err)) != MG_OK) goto out;
	if ((rc = stage_known_at(st, before.mtime_ns / 1000000000, err)) != MG_OK) goto out;
	if ((rc = stage_commit(&st, key.p, STAGE_REPLACE, err)) != MG_OK) goto out;
	i->sum->lists++;
out:
	stage_free(&st);
	buf_deinit(&key);
	buf_deinit(&old);
	buf_deinit(&now);
	arena_deinit(&a);
	return rc;
}

static enum mg_code write_lists(struct import *i, struct mg_err *err)
{
	const struct cachewalk_version *v = i->walk.versions;
	for (size_t k = 0; k < i->walk.n; k++) {
		if (k > 0 && span_eq(v[k].path, v[k - 1].path)) continue;
		i->sum->modules++;
		const enum mg_code rc = write_list(i, v[k].path, err);
		if (rc == MG_CORRUPT) {
			char name[256];
			snprintf(name, sizeof name, "%.*s/@v/list", SPAN_ARG(v[k].path));
			report(i, IMPORT_CONFLICT, name, err->text);
		} else if (rc != MG_OK) {
			return rc;
		}
	}
	return MG_OK;
}

enum mg_code import_run(struct store *s, const char *dir, const struct import_options *options,
			struct import_summary *out, struct mg_err *err)
{
	struct mg_err local;
	if (err == NULL) err = &local;
	*out = (struct import_summary){ 0 };
	struct import i = { .store = s, .options = options, .sum = out };
	i.walk.root = -1;
	pthread_mutex_init(&i.mutex, NULL);
	struct stat root;
	const uint64_t inode = fstat(s->root, &root) == 0 ? root.st_ino : 0;
	enum mg_code rc = cachewalk_run(&i.walk, dir, inode, err);
	if (rc != MG_OK) goto out;
	out->versions = i.walk.n;
	out->layout = i.walk.versions[0].layout;
	for (size_t k = 0; k < i.walk.refused_n; k++)
		report(&i, IMPORT_REFUSED, i.walk.refused[k].name, i.walk.refused[k].why);
	if (options->on_progress != NULL) options->on_progress(options->arg, 0, i.walk.n, 0);
	work_all(&i);
	if (i.stop) {
		*err = i.err;
		rc = err->code;
		goto out;
	}
	rc = write_lists(&i, err);
out:
	cachewalk_deinit(&i.walk);
	pthread_mutex_destroy(&i.mutex);
	return rc;
}
