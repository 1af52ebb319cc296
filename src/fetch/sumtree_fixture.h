/* SPDX-License-Identifier: Apache-2.0 */
/* A checksum database as a tree of files that an upstream may be ("file://…"), and a store and a job to
 * ask it with. Include after cmocka.h. */
#ifndef FETCH_SUMTREE_FIXTURE_H
#define FETCH_SUMTREE_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "fetch/database.h"
#include "fetch/fetch_fixture.h"
#include "gomod/dirhash.h"
#include "sumdb/log_fixture.h"
#include "sumdb/lookup.h"
#include "sumdb/note.h"

#define SUMTREE_NAME    "sum.example"
#define SUMTREE_RECORDS 1500

/* A log whose record i is of example.com/m<i> at v1.0.0, unless it is told otherwise. */
struct sumtree {
	struct log_fixture log;
	struct notekey_secret key;
	char *text[SUMTREE_RECORDS];
	char *at[SUMTREE_RECORDS]; /* lookup path */
	const char *root;          /* of the upstream */
	bool other;                /* hashes of another history */
};

static inline void sumtree_init(struct sumtree *t, const char *root)
{
	uint8_t seed[ED25519_SEED_SIZE] = { 42 };
	*t = (struct sumtree){ .root = root };
	assert_true(notekey_make(SPAN(SUMTREE_NAME), seed, &t->key));
}

static inline void sumtree_deinit(struct sumtree *t)
{
	for (size_t i = 0; i < t->log.size; i++) {
		free(t->text[i]);
		free(t->at[i]);
	}
}

/* As GOSUMDB says it. */
static inline const char *sumtree_gosumdb(const struct sumtree *t, char *out, size_t n)
{
	struct mg_buf key = BUF_MAX(1000);
	notekey_print(&t->key.public, &key);
	snprintf(out, n, "%s", buf_cstr(&key));
	buf_deinit(&key);
	return out;
}

static inline void sumtree_add(struct sumtree *t, const char *path, const char *zip,
			       const char *mod)
{
	struct mg_buf text = BUF_MAX(1000), at = BUF_MAX(1000);
	const size_t i = t->log.size;
	assert_true(i < SUMTREE_RECORDS);
	buf_printf(&text, "%s v1.0.0 %s\n%s v1.0.0/go.mod %s\n", path, zip, path, mod);
	assert_int_equal(lookup_path(span_of(path), SPAN("v1.0.0"), &at, NULL), MG_OK);
	log_add(&t->log, buf_span(&text));
	t->text[i] = check_strndup(text.p, text.n);
	t->at[i] = check_strndup(at.p, at.n);
	buf_deinit(&text);
	buf_deinit(&at);
}

static inline void sumtree_hash(const struct sumtree *t, size_t i, bool zip, char out[DIRHASH_SIZE])
{
	char bytes[64];
	const int n = snprintf(bytes, sizeof bytes, "%zu %d %d", i, zip, t->other);
	dirhash_gomod(span_make(bytes, (size_t)n), out);
}

static inline void sumtree_grow(struct sumtree *t, size_t size)
{
	while (t->log.size < size) {
		char path[64], zip[DIRHASH_SIZE], mod[DIRHASH_SIZE];
		snprintf(path, sizeof path, "example.com/m%zu", (size_t)t->log.size);
		sumtree_hash(t, t->log.size, true, zip);
		sumtree_hash(t, t->log.size, false, mod);
		sumtree_add(t, path, zip, mod);
	}
}

/* Writes a file so that who reads it sees all of it or none. */
static inline void put_bytes(const char *root, const char *file, struct mg_span bytes)
{
	char path[512], part[520];
	snprintf(path, sizeof path, "%s/%s", root, file);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	snprintf(part, sizeof part, "%s.part", path);
	FILE *f = fopen(part, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(part, path), 0);
}

static inline void sumtree_put(const struct sumtree *t, const char *file, struct mg_span bytes)
{
	char path[400];
	snprintf(path, sizeof path, "sumdb/" SUMTREE_NAME "/%s", file);
	put_bytes(t->root, path, bytes);
}

static inline void sumtree_put_tiles(struct sumtree *t)
{
	for (int level = 0; t->log.size >> (8 * level) > 0; level++) {
		struct tile tile;
		for (uint64_t i = 0; tile_in_tree(8, level, i, t->log.size, &tile); i++) {
			struct mg_buf path = BUF_MAX(TILE_PATH_MAX), body = BUF_MAX(1 << 16);
			tile_print(&tile, &path);
			log_tile(&t->log, &tile, &body);
			sumtree_put(t, buf_cstr(&path), buf_span(&body));
			buf_deinit(&path);
			buf_deinit(&body);
		}
	}
}

/* Tiles, lookups from the one of record `from` on, and the newest head, which is shown last. */
static inline void sumtree_publish_from(struct sumtree *t, size_t from)
{
	struct mg_buf text = BUF_MAX(10000), latest = BUF_MAX(10000);
	struct treehead head = log_head(&t->log, t->log.size);
	treehead_print(&head, &text);
	struct note n = { .text = buf_span(&text) };
	assert_true(note_sign(&n, &t->key, 1, &latest));
	sumtree_put(t, "supported", SPAN(""));
	sumtree_put_tiles(t);
	for (size_t i = from; i < t->log.size; i++) {
		struct mg_buf body = BUF_MAX(20000);
		assert_true(lookup_print(i, span_of(t->text[i]), &body));
		buf_append(&body, buf_span(&latest));
		sumtree_put(t, t->at[i], buf_span(&body));
		buf_deinit(&body);
	}
	sumtree_put(t, "latest", buf_span(&latest));
	buf_deinit(&text);
	buf_deinit(&latest);
}

static inline void sumtree_publish(struct sumtree *t)
{
	sumtree_publish_from(t, 0);
}

/* --- who asks --- */

struct sumbench {
	char root[64], store_path[80], a[80], proxies[200], gosumdb[200];
	struct store *store;
	struct upstream *upstream;
	struct fetch_options options;
	struct job_means means;
	struct arena arena;
	_Atomic unsigned requests;
	struct cancel cancel;
	struct job job;
	struct sumtree tree;
};

static inline void sumbench_open(struct sumbench *b)
{
	struct mg_err err;
	b->options.goproxy = b->proxies;
	b->options.gosumdb = b->gosumdb;
	if (job_means_open(&b->means, &b->options, b->store, b->upstream, NULL, &b->arena, &err) !=
	    MG_OK)
		fail_msg("%s", err.text);
	b->job = (struct job){ .means = &b->means,
			       .arena = &b->arena,
			       .requests = &b->requests,
			       .cancel = &b->cancel };
}

/* What is in memory is gone, what is stored stays. */
static inline void sumbench_restart(struct sumbench *b)
{
	job_means_close(&b->means);
	sumbench_open(b);
}

static inline int sumbench_set_up(void **state)
{
	struct sumbench *b = calloc(1, sizeof *b);
	struct mg_err err;
	snprintf(b->root, sizeof b->root, "/tmp/modgate-sum-XXXXXX");
	if (mkdtemp(b->root) == NULL) return -1;
	snprintf(b->a, sizeof b->a, "%s/a", b->root);
	snprintf(b->store_path, sizeof b->store_path, "%s/store", b->root);
	snprintf(b->proxies, sizeof b->proxies, "file://%s", b->a);
	if (mkdir(b->a, 0700) != 0) return -1;
	if (store_open(b->store_path, STORE_WRITE, &b->store, &err) != MG_OK) return -1;
	b->upstream = upstream_new(&(struct upstream_options){ .connect_ms = 5000,
							       .first_byte_ms = 60000,
							       .stall_ms = 5000,
							       .redirects = 10,
							       .per_host = 8,
							       .queue_ms = 60000,
							       .breaker_failures = 100,
							       .breaker_open_ms = 100,
							       .user_agent = "test" });
	b->options = FETCH_FIXTURE_OPTIONS;
	sumtree_init(&b->tree, b->a);
	sumtree_gosumdb(&b->tree, b->gosumdb, sizeof b->gosumdb);
	cancel_init(&b->cancel);
	sumbench_open(b);
	*state = b;
	return 0;
}

static inline int sumbench_remove_one(const char *path, const struct stat *st, int type,
				      struct FTW *ftw)
{
	return remove(path);
}

static inline int sumbench_tear_down(void **state)
{
	struct sumbench *b = *state;
	job_means_close(&b->means);
	upstream_free(&b->upstream);
	store_close(&b->store);
	arena_deinit(&b->arena);
	sumtree_deinit(&b->tree);
	const int rc = nftw(b->root, sumbench_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(b);
	return rc;
}

#endif
