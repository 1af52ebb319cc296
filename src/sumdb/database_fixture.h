/* SPDX-License-Identifier: Apache-2.0 */
/* A checksum database in memory, and what a client of it keeps. Include after cmocka.h. Package i is
 * "rsc.io/PkgI" at v1.0.0, record i of the log. */
#ifndef SUMDB_DATABASE_FIXTURE_H
#define SUMDB_DATABASE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "sumdb/log_fixture.h"
#include "sumdb/note.h"
#include "sumdb/sumclient.h"

#define PACKAGES_MAX 1500
#define FILES_MAX    4000
#define HEADS_MAX    64

struct database {
	struct log_fixture log;
	struct notekey_secret key;
	uint64_t answer_size;      /* of the head in lookups; 0: the newest */
	uint64_t forked;           /* if not 0, records from this on have other texts */
	const char *extra;         /* text of a lookup's record in place of the right one */
	const char *unsigned_more; /* added to the text of heads */
	bool no_partial;           /* a tile that has become full is refused in parts */
};

struct file {
	char *path;
	struct mg_buf body;
};

struct world {
	struct database *db;
	struct database *tiles_of; /* if set, tiles come from there */
	struct sumclient client;
	struct file files[FILES_MAX];
	size_t n;
	struct treehead head;
	char *head_note;
	struct mg_buf evidence;
	bool remote_down, tiles_gone, tiles_flipped, write_fails;
	void (*mutate)(struct world *w, struct mg_buf *body); /* a body on its way */
	uint64_t seed;
	unsigned mutate_at;           /* counts down the answers; the one at 0 is mutated */
	struct sumclient_head *rival; /* gets in at the next swap */
	struct {
		struct treehead tree;
		char *note;
	} known[HEADS_MAX]; /* heads that are remembered */
	unsigned heads, recalled;
	unsigned rounds, asked, written;
	struct world *proxy; /* the remote, if set */
};

static inline void record_text(const struct database *db, uint64_t i, struct mg_buf *out)
{
	char h1[2][DIRHASH_SIZE];
	bool other = db->forked != 0 && i >= db->forked;
	for (int j = 0; j < 2; j++) {
		char bytes[32];
		int n = snprintf(bytes, sizeof bytes, "%llu %d %d", (unsigned long long)i, j,
				 other);
		dirhash_gomod(span_make(bytes, (size_t)n), h1[j]);
	}
	buf_printf(out, "rsc.io/Pkg%llu v1.0.0 %s\nrsc.io/Pkg%llu v1.0.0/go.mod %s\n",
		   (unsigned long long)i, h1[0], (unsigned long long)i, h1[1]);
}

static inline void database_grow(struct database *db, uint64_t size)
{
	while (db->log.size < size) {
		struct mg_buf text = BUF_MAX(1000);
		record_text(db, db->log.size, &text);
		log_add(&db->log, buf_span(&text));
		buf_deinit(&text);
	}
}

static inline void database_init(struct database *db, uint64_t size)
{
	uint8_t seed[ED25519_SEED_SIZE] = { 42 };
	*db = (struct database){ 0 };
	assert_true(notekey_make(SPAN("sum.example"), seed, &db->key));
	database_grow(db, size);
}

static inline void database_sign(struct database *db, const struct treehead *head,
				 struct mg_buf *out)
{
	struct mg_buf text = BUF_MAX(10000);
	treehead_print(head, &text);
	if (db->unsigned_more != NULL) buf_append_str(&text, db->unsigned_more);
	struct note n = { .text = buf_span(&text) };
	assert_true(note_sign(&n, &db->key, 1, out));
	buf_deinit(&text);
}

static inline void database_latest(struct database *db, uint64_t size, struct mg_buf *out)
{
	struct treehead head = log_head(&db->log, size);
	database_sign(db, &head, out);
}

static inline enum mg_code database_lookup(struct database *db, struct mg_span name,
					   struct mg_buf *out)
{
	uint64_t i;
	struct mg_span rest = name;
	if (!span_u64(span_cut(&rest, '@'), PACKAGES_MAX, &i) || i >= db->log.size)
		return MG_NOT_FOUND;
	struct mg_buf text = BUF_MAX(1000);
	record_text(db, i, &text);
	assert_true(lookup_print(i, db->extra != NULL ? span_of(db->extra) : buf_span(&text), out));
	buf_deinit(&text);
	database_latest(db, db->answer_size > 0 ? db->answer_size : db->log.size, out);
	return MG_OK;
}

static inline enum mg_code database_tile(struct database *db, struct mg_span path,
					 struct mg_buf *out)
{
	struct tile t, whole;
	assert_true(tile_parse(path, &t));
	if (!tile_in_tree(t.height, t.level, t.number, db->log.size, &whole) ||
	    whole.width < t.width)
		return MG_NOT_FOUND;
	if (db->no_partial && !tile_is_full(&t) && tile_is_full(&whole)) return MG_NOT_FOUND;
	log_tile(&db->log, &t, out);
	return MG_OK;
}

static inline struct file *world_file(struct world *w, struct mg_span path)
{
	for (size_t i = 0; i < w->n; i++)
		if (span_eq(span_of(w->files[i].path), path)) return &w->files[i];
	return NULL;
}

static inline enum mg_code world_read_cache(void *arg, struct mg_span path, struct mg_buf *body,
					    struct mg_err *err)
{
	struct file *f = world_file(arg, path);
	if (f == NULL) return err_set(err, MG_NOT_FOUND, MG_CAUSE_STORAGE, "no such file");
	buf_append(body, buf_span(&f->body));
	return MG_OK;
}

static inline enum mg_code world_write_cache(void *arg, struct mg_span path, struct mg_span body,
					     struct mg_err *err)
{
	struct world *w = arg;
	struct file *f = world_file(w, path);
	if (w->write_fails) return err_set(err, MG_UNAVAILABLE, MG_CAUSE_STORAGE, "disk full");
	if (f == NULL) {
		assert_true(w->n < FILES_MAX);
		f = &w->files[w->n++];
		*f = (struct file){ check_strndup(path.p, path.n), BUF_MAX(1 << 20) };
	}
	buf_clear(&f->body);
	buf_append(&f->body, body);
	w->written++;
	return MG_OK;
}

/* What modgate will do: lookups from the cache as they are, tiles through its own client. */
static inline enum mg_code world_serve(struct world *w, struct mg_span path, struct mg_buf *body,
				       struct mg_err *err)
{
	struct tile t;
	if (!span_has_prefix(path, SPAN("tile/"))) return world_read_cache(w, path, body, err);
	assert_true(tile_parse(path, &t));
	return sumclient_tile(&w->client, &t, body, err);
}

static inline enum mg_code world_ask(struct world *w, struct mg_span path, struct mg_buf *body,
				     struct mg_err *err)
{
	bool tile = span_has_prefix(path, SPAN("tile/"));
	struct mg_span prefix = SPAN("lookup/rsc.io/!pkg");
	enum mg_code rc = MG_NOT_FOUND;
	if (w->remote_down) return err_set(err, MG_UNAVAILABLE, MG_CAUSE_CONNECT, "down");
	if (w->proxy != NULL) return world_serve(w->proxy, path, body, err);
	if (span_eq(path, SPAN("latest"))) {
		database_latest(w->db, w->db->log.size, body);
		rc = MG_OK;
	} else if (span_has_prefix(path, prefix)) {
		rc = database_lookup(w->db, span_from(path, prefix.n), body);
	} else if (tile && !w->tiles_gone) {
		rc = database_tile(w->tiles_of != NULL ? w->tiles_of : w->db, path, body);
		if (rc == MG_OK && w->tiles_flipped) body->p[body->n / 2] ^= 4;
	}
	if (rc != MG_OK) (void)err_set(err, rc, MG_CAUSE_UPSTREAM, "404");
	return rc;
}

static inline void world_read_remote(void *arg, struct sumclient_fetch *list, size_t n)
{
	struct world *w = arg;
	w->rounds++;
	w->asked += (unsigned)n;
	for (size_t i = 0; i < n; i++) {
		list[i].code = world_ask(w, list[i].path, &list[i].body, &list[i].err);
		if (w->mutate != NULL && list[i].code == MG_OK && w->mutate_at-- == 0)
			w->mutate(w, &list[i].body);
	}
}

static inline void world_set_head(struct world *w, const struct sumclient_head *head)
{
	free(w->head_note);
	w->head = head->tree;
	w->head_note = check_strndup(head->note.p, head->note.n);
}

static inline enum mg_code world_read_head(void *arg, struct arena *a, struct sumclient_head *out,
					   struct mg_err *err)
{
	struct world *w = arg;
	*out = (struct sumclient_head){ w->head, arena_dup(a, span_of(w->head_note)) };
	return MG_OK;
}

static inline enum mg_code world_swap_head(void *arg, const struct treehead *old,
					   const struct sumclient_head *next, bool *swapped,
					   struct mg_err *err)
{
	struct world *w = arg;
	if (w->rival != NULL) {
		world_set_head(w, w->rival);
		w->rival = NULL;
	}
	*swapped = treehead_eq(old, &w->head);
	if (*swapped) {
		assert_true(next->tree.size > old->size);
		world_set_head(w, next);
	}
	return MG_OK;
}

static inline void world_fork(void *arg, struct mg_span evidence)
{
	struct world *w = arg;
	buf_append(&w->evidence, evidence);
}

static inline bool world_recall_head(void *arg, struct mg_span note, struct treehead *out)
{
	struct world *w = arg;
	for (unsigned i = 0; i < w->heads; i++) {
		if (!span_eq(span_of(w->known[i].note), note)) continue;
		*out = w->known[i].tree;
		w->recalled++;
		return true;
	}
	return false;
}

static inline void world_remember_head(void *arg, const struct sumclient_head *head)
{
	struct world *w = arg;
	if (w->heads == HEADS_MAX) return;
	w->known[w->heads].tree = head->tree;
	w->known[w->heads++].note = check_strndup(head->note.p, head->note.n);
}

static inline void world_init(struct world *w, struct database *db, unsigned height)
{
	struct sumclient_ops ops = { .read_remote = world_read_remote,
				     .read_cache = world_read_cache,
				     .write_cache = world_write_cache,
				     .read_head = world_read_head,
				     .swap_head = world_swap_head,
				     .fork = world_fork,
				     .recall_head = world_recall_head,
				     .remember_head = world_remember_head,
				     .arg = w };
	struct mg_buf key = BUF_MAX(1000);
	*w = (struct world){ .db = db, .head = treehead_empty(), .evidence = BUF_MAX(1 << 20) };
	notekey_print(&db->key.public, &key);
	buf_append_char(&key, '\n');
	assert_int_equal(sumclient_init(&w->client, buf_span(&key), &ops, NULL), MG_OK);
	w->client.height = height;
	buf_deinit(&key);
}

static inline void world_deinit(struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->files[i].path);
		buf_deinit(&w->files[i].body);
	}
	for (unsigned i = 0; i < w->heads; i++)
		free(w->known[i].note);
	free(w->head_note);
	buf_deinit(&w->evidence);
}

/* Without any upstream from now on, or with it again. */
static inline void world_offline(struct world *w, bool offline)
{
	w->client.ops.read_remote = offline ? NULL : world_read_remote;
}

static inline enum mg_code world_lookup(struct world *w, uint64_t i, struct sumclient_answer *out)
{
	char path[64];
	struct sumclient_answer local;
	int n = snprintf(path, sizeof path, "rsc.io/Pkg%llu", (unsigned long long)i);
	if (out == NULL) out = &local;
	enum mg_code rc =
		sumclient_lookup(&w->client, span_make(path, (size_t)n), SPAN("v1.0.0"), out, NULL);
	if (rc == MG_OK) {
		struct mg_buf text = BUF_MAX(1000);
		record_text(w->db, i, &text);
		assert_true(span_find(buf_span(&text), span_of(out->sums.zip)) > 0);
		assert_true(span_find(buf_span(&text), span_of(out->sums.mod)) > 0);
		assert_int_equal(out->record, i);
		buf_deinit(&text);
	}
	return rc;
}

#endif
